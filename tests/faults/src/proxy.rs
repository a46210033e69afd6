//! A TCP proxy that breaks connections on purpose.
//!
//! A client that is given [`Proxy::addr`] instead of its server's address talks to the server, until a [`Mode`] other
//! than [`Mode::Pass`] is [set](Control::set).
//!
//! ```no_run
//! use glmsg_faults::proxy::{DropReply, Mode, Proxy};
//! # async fn example(server: std::net::SocketAddr) {
//! let proxy = Proxy::start(server).await;
//! let control = proxy.control();
//! // The server executes the next XADD, and the client never learns.
//! control.set(Mode::DropReply(DropReply::once().to("XADD"))).await;
//! // … publish through proxy.addr() …
//! control.until("the reply was dropped", |seen| seen.replies_dropped == 1).await;
//! # }
//! ```

mod acceptor;
mod chaos;
mod connection;
mod control;
mod lane;
mod mode;
mod shared;

pub use chaos::{Chaos, Step};
pub use control::{Control, Seen};
pub use mode::{Direction, DropReply, Mode};

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::port::Port;
use shared::Shared;

/// A proxy that runs. When it is dropped its connections are closed, and it is gone.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of a server. Every byte passes, until a mode is set.
    ///
    /// # Panics
    /// If there is no port, or outside of a tokio runtime.
    pub async fn start(upstream: SocketAddr) -> Self {
        Self::start_with(upstream, None).await
    }

    /// Starts a proxy whose modes are for those connections alone that come from this address, and whose every other
    /// connection passes: a server that is cut off from some and not from others.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_for(upstream: SocketAddr, only: IpAddr) -> Self {
        Self::start_with(upstream, Some(only)).await
    }

    async fn start_with(upstream: SocketAddr, only: Option<IpAddr>) -> Self {
        let port = Port::hold();
        let addr = port.addr();
        let shared = Arc::new(Shared::new(upstream));
        let acceptor = tokio::spawn(acceptor::run(port, Arc::clone(&shared), only));
        let proxy = Self {
            addr,
            shared,
            acceptor,
        };
        // In force: the proxy listens.
        proxy.control().set(Mode::Pass).await;
        proxy
    }

    /// Where clients are to connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connects new connections to another server. Those that exist stay where they are.
    pub fn retarget(&self, upstream: SocketAddr) {
        self.control().retarget(upstream);
    }

    /// A handle to change what the proxy does. There can be many.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        // Whoever waits for a setting to be in force would wait for ever.
        self.shared.acted_on(u64::MAX);
    }
}
