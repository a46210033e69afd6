//! What many consumers have done together.

use glmsg_broker::ConsumerStats;

/// Sums over consumers, also over those that have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    pub(crate) redelivered: u64,
    pub(crate) handled: u64,
    pub(crate) failed: u64,
    pub(crate) panicked: u64,
    pub(crate) timed_out: u64,
    pub(crate) retried: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) released: u64,
    pub(crate) stale: u64,
    pub(crate) in_flight: u64,
    pub(crate) buffered: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, stats: &ConsumerStats) {
        self.received += stats.received;
        self.redelivered += stats.redelivered;
        self.handled += stats.handled;
        self.failed += stats.failed;
        self.panicked += stats.panicked;
        self.timed_out += stats.timed_out;
        self.retried += stats.retried;
        self.dead_lettered += stats.dead_lettered;
        self.released += stats.released;
        self.stale += stats.stale;
        self.in_flight += stats.in_flight;
        self.buffered += stats.buffered;
    }
}
