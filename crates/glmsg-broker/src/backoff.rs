//! Waiting longer after each failure in a row.

use std::time::Duration;

/// 50 ms after the first failure, then twice as long each time, at most 5 s.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure and returns how long to wait after it.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = Duration::from_millis(50 << self.failures.min(7)).min(Duration::from_secs(5));
        self.failures += 1;
        wait
    }
}
