//! A handler that counts, and says when everything has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use glmsg::ConsumerReport;
use tokio::sync::Notify;

use crate::Outcome;
use crate::outcome::must_equal;

/// Counts messages up to an expected number.
#[derive(Debug, Clone)]
pub(crate) struct Counter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    expected: u64,
    count: AtomicU64,
    /// From which on somebody measures.
    from: u64,
    begun: Notify,
    complete: Notify,
}

impl Counter {
    pub(crate) fn new(expected: u64) -> Self {
        Self::from(0, expected)
    }

    /// One that also says when so many have come.
    pub(crate) fn from(from: u64, expected: u64) -> Self {
        Self(Arc::new(Shared {
            expected,
            from,
            count: AtomicU64::new(0),
            begun: Notify::new(),
            complete: Notify::new(),
        }))
    }

    /// Counts one.
    pub(crate) fn count(&self) {
        let before = self.0.count.fetch_add(1, Ordering::Relaxed);
        if before + 1 == self.0.from {
            self.0.begun.notify_one();
        }
        if before + 1 == self.0.expected {
            self.0.complete.notify_one();
        }
    }

    /// Waits for those before the first to be measured, and says how many are left.
    pub(crate) async fn begun(&self) -> u64 {
        self.0.begun.notified().await;
        self.0.expected - self.0.count.load(Ordering::Relaxed)
    }

    /// Waits for the last.
    pub(crate) async fn complete(&self) {
        self.0.complete.notified().await;
    }

    /// Fails unless each message was handled exactly once.
    pub(crate) fn must_be_exact(&self, report: &ConsumerReport) -> Outcome<()> {
        let stats = &report.stats;
        must_equal(
            "handled",
            self.0.count.load(Ordering::Relaxed),
            self.0.expected,
        )?;
        must_equal("acked", stats.handled, self.0.expected)?;
        must_equal("redelivered", stats.redelivered, 0)?;
        must_equal("dead letters", stats.dead_lettered, 0)
    }
}
