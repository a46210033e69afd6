//! How far the consumers of one run have come together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::outcome::must_equal;
use crate::{Measured, Outcome, Stopwatch};

/// Counts what is acked, and measures between the first tenth and the last: joining, which is done
/// once in a consumer's life, does not count, nor what the last of many does alone.
#[derive(Debug)]
pub(crate) struct Progress {
    expected: u64,
    server: u32,
    acked: AtomicU64,
    sum: AtomicU64,
    state: Mutex<State>,
    complete: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    started: Option<(Stopwatch, u64)>,
    measured: Option<Measured>,
}

impl Progress {
    pub(crate) fn new(server: u32, expected: u64) -> Self {
        Self {
            expected,
            server,
            acked: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            state: Mutex::default(),
            complete: watch::Sender::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the numbers of messages that were received.
    pub(crate) fn received(&self, sum: u64) {
        self.sum.fetch_add(sum, Ordering::Relaxed);
    }

    /// Counts messages whose ack is done.
    pub(crate) fn acked(&self, count: u64) {
        let before = self.acked.fetch_add(count, Ordering::Relaxed);
        let after = before + count;
        let passes = |mark: u64| before < mark && mark <= after;
        let (first, last) = (self.expected / 10, self.expected - self.expected / 10);
        if passes(first) {
            let watch = Stopwatch::start_with_server(self.server);
            self.state().started = Some((watch, after));
        }
        if passes(last) {
            let mut state = self.state();
            let stopped = state.started.take();
            state.measured = stopped.map(|(watch, since)| watch.stop(after - since));
        }
        if after >= self.expected {
            self.complete.send_replace(true);
        }
    }

    /// Waits until all are acked.
    pub(crate) async fn complete(&self) {
        // The sender lives as long as this.
        let _ = self.complete.subscribe().wait_for(|done| *done).await;
    }

    /// What was measured; fails unless each message came and was acked once.
    pub(crate) fn measured(&self) -> Outcome<Measured> {
        let (acked, sum) = (&self.acked, &self.sum);
        must_equal("acked", acked.load(Ordering::Relaxed), self.expected)?;
        let expected = (0..self.expected).sum();
        must_equal("sum of the numbers", sum.load(Ordering::Relaxed), expected)?;
        let measured = self.state().measured;
        measured.ok_or_else(|| "too few messages to measure".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(expected: u64) -> Progress {
        Progress::new(0, expected)
    }

    #[test]
    fn what_is_between_the_tenths_is_measured() {
        let progress = of(100);
        for number in 0..100 {
            progress.received(number);
            progress.acked(1);
        }
        assert_eq!(progress.measured().unwrap().messages, 80);
    }

    #[test]
    fn a_message_that_is_missing_or_comes_twice_is_a_failure() {
        let progress = of(100);
        progress.received((0..100).sum());
        progress.acked(99);
        assert!(progress.measured().is_err());
        progress.acked(2);
        assert!(progress.measured().is_err());
        let progress = of(100);
        progress.received(1);
        progress.acked(100);
        assert!(progress.measured().is_err());
    }
}
