//! What a fixture needs to be compared with the model, beyond a clock that is moved by hand.

use std::time::Duration;

use glmsg_conformance::Fixture;
use glmsg_tests::MemoryByHand;

/// A fixture that can be compared with the model. By default its time is that of this process.
pub(crate) trait Clocked: Fixture {
    /// Whether each member weighs priorities by itself. Then a group of several members takes them in
    /// another order than the model, where all members of a process weigh together: the groups of
    /// histories with several priorities have one member each.
    const MEMBERS_WEIGH: bool = false;

    /// By how much it may be late to see that a lease has run out, or that something is due. The
    /// histories let no less time pass at once, and renew leases for no less: then it must be exact.
    const LATENESS: Duration = Duration::ZERO;

    /// A receive of so many or more gives the same as the model and may do so in another order.
    const EXACT_BELOW: usize = usize::MAX;

    /// Whether dead letters of one moment are listed in the order of the model.
    const ORDERS_LETTERS: bool = true;

    /// Whether lag tells what waits behind another of its key from what can be delivered, also after a redrive.
    const TELLS_BLOCKED: bool = true;

    /// What comes of `event` within some time of the machine, which may be no time at all.
    async fn within<T>(limit: Duration, event: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(limit, event).await.ok()
    }

    /// Waits until nothing is under way that a receive has begun which was given up, or a member
    /// that has left.
    async fn rest(&self) {}
}

impl Clocked for MemoryByHand {}
