//! What can be killed and started again.

use super::{RedisServer, Server};

/// A server that is killed, and started again where it was.
pub trait Mortal: Clone + Send + Sync + 'static {
    /// `SIGKILL`. When this is done it is gone.
    fn kill(&self) -> impl Future<Output = ()> + Send;

    /// Starts it again, and waits until it answers.
    fn revive(&self) -> impl Future<Output = ()> + Send;
}

impl Mortal for Server {
    async fn kill(&self) {
        self.kill9().await;
    }

    async fn revive(&self) {
        self.restart().await;
    }
}

impl Mortal for RedisServer {
    async fn kill(&self) {
        self.kill9().await;
    }

    async fn revive(&self) {
        self.restart().await;
    }
}
