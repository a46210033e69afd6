//! The handle of a proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::mode::Mode;
use super::shared::Shared;
use crate::ledger::Writer;

/// How long [`Control::until`] waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Changes what a proxy does while it runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

/// What has passed through a proxy, and what has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Connections that are open now.
    pub open: u64,
    /// Connections that the proxy reset.
    pub resets: u64,
    /// Connections that were cut after their last byte.
    pub cuts: u64,
    /// Connections that were closed instead of passing on a reply.
    pub replies_dropped: u64,
    /// Bytes that servers got.
    pub to_server: u64,
    /// Bytes that clients got.
    pub to_client: u64,
    /// Bytes that vanished.
    pub swallowed: u64,
}

impl Control {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sets what the proxy does from now on. When this returns it is in force: with [`Mode::Refuse`] the next attempt to
    /// connect is refused.
    pub async fn set(&self, mode: Mode) {
        let resets = mode == Mode::Reset;
        let serial = self.shared.set(mode);
        if resets {
            self.reset_existing();
        }
        let mut in_force = self.shared.in_force.subscribe();
        // It cannot fail: the sender lives as long as this handle.
        let _ = in_force.wait_for(|known| *known >= serial).await;
    }

    /// What the proxy does.
    pub fn mode(&self) -> Mode {
        self.shared.setting().mode
    }

    /// Resets (RST) the connections that exist. The mode stays.
    pub fn reset_existing(&self) {
        self.shared.resets.send_modify(|epoch| *epoch += 1);
    }

    /// Connects new connections to another server.
    pub fn retarget(&self, upstream: SocketAddr) {
        self.shared.retarget(upstream);
    }

    /// Sets a mode for some time, as a fault in the ledger; then every byte passes again.
    pub async fn during(&self, ledger: &Writer, mode: Mode, time: Duration) {
        let name = mode.name();
        ledger.fault_begin(name);
        self.set(mode).await;
        tokio::time::sleep(time).await;
        self.set(Mode::Pass).await;
        ledger.fault_end(name);
    }

    /// What has passed so far.
    pub fn seen(&self) -> Seen {
        self.shared.seen.borrow().clone()
    }

    /// Waits until enough has passed.
    ///
    /// # Panics
    /// If it has not after half a minute; the message names the condition.
    pub async fn until(&self, condition: &str, mut holds: impl FnMut(&Seen) -> bool) {
        let mut seen = self.shared.seen.subscribe();
        let in_time = tokio::time::timeout(PATIENCE, seen.wait_for(|seen| holds(seen)))
            .await
            .is_ok();
        assert!(
            in_time,
            "{condition}: not so, the proxy saw {:?}",
            self.seen()
        );
    }
}
