//! What a backend's author gives the suite: a fresh store, handles on it, and command of its time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Capability};
use glmsg_core::TopicName;

/// A fresh, isolated store of the backend under test. Each case gets its own, so cases run in
/// parallel and topics need no unique names. Write the methods as `async fn`.
pub trait Fixture: Send + Sync + Sized + 'static {
    /// What the backend declares. The suite also checks that a broker says the same.
    fn capability() -> Capability;

    /// Makes a fresh store. If what it needs is not there (a server, a port), panic with one line
    /// that says what to do: no server is a failure, never a pass.
    fn new() -> impl Future<Output = Self> + Send;

    /// A handle on the store. Where several processes can share it, every call opens it anew, as
    /// another process would; a backend that lives in one process gives its one broker again.
    fn broker(&self) -> impl Future<Output = Arc<dyn Broker>> + Send;

    /// Lets at least `by` of the broker's time pass: advances its clock if it is moved by hand,
    /// sleeps if it runs by itself.
    fn pass(&self, by: Duration) -> impl Future<Output = ()> + Send;

    /// A time that is short for this backend and that it keeps, also on a busy machine: the cases
    /// make their short leases, lives and delays of it, from once to twenty times as long. 100 ms
    /// by default, which is also the least, as there is no shorter lease. A backend that asks
    /// a cluster before it answers says more.
    fn soon() -> Duration {
        Duration::from_millis(100)
    }

    /// Whether the broker's clock is moved by hand, so that [`pass`](Self::pass) takes no time.
    fn has_manual_clock() -> bool;

    /// Whether the store outlives a crash of everything that has it open. It must, unless the
    /// declared durability is `Volatile`.
    fn can_reopen() -> bool;

    /// What a crash and a restart leave: handles given out before are abandoned without a goodbye
    /// (the case has dropped its own), and a fresh one is opened. Called only where
    /// [`can_reopen`](Self::can_reopen) says so; others may return [`broker`](Self::broker).
    fn reopen(&self) -> impl Future<Output = Arc<dyn Broker>> + Send;

    /// Puts bytes that are no message into `topic` as the next message of normal priority, past
    /// the publish that would refuse them. Returns `false` if that is not possible; then the suite
    /// proves what it can by undecodable payloads.
    fn inject_raw(&self, topic: &TopicName, bytes: &[u8]) -> impl Future<Output = bool> + Send;
}
