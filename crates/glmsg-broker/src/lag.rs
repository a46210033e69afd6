//! How far a group is behind.

use std::time::Duration;

/// How far a group is behind its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Messages this group has never been given; scheduled ones that are not due do not count.
    pub undelivered: u64,
    /// Messages delivered and not settled.
    pub in_flight: u64,
    /// Messages waiting for a retry, or for their key's turn.
    pub delayed: u64,
    /// Dead letters of this group. Not part of the lag.
    pub dead_letters: u64,
    /// How long ago the oldest message that is not acked was stored.
    pub oldest_age: Option<Duration>,
}

impl Lag {
    /// Delivered and not acked: in flight and delayed.
    pub fn pending(&self) -> u64 {
        self.in_flight + self.delayed
    }

    /// The lag: undelivered and pending.
    pub fn total(&self) -> u64 {
        self.undelivered + self.pending()
    }
}
