//! A rate over the last ten seconds.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const SECONDS: u64 = 10;
/// One more than the window has, so that the oldest whole second is still there.
const BUCKETS: u64 = SECONDS + 1;

/// Events a second over a sliding window, in one bucket a second.
#[derive(Debug, Default)]
pub(super) struct Window(Mutex<[(u64, u64); 11]>);

impl Window {
    /// Counts `n` events at `at`, a time since the start.
    pub(super) fn add(&self, at: Duration, n: u64) {
        let second = at.as_secs();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(second % BUCKETS).unwrap_or(0);
        let (of, count) = &mut buckets[index];
        if *of != second {
            (*of, *count) = (second, 0);
        }
        *count += n;
    }

    /// Events a second over the ten seconds before `at`, or since the start if that is less.
    pub(super) fn rate(&self, at: Duration) -> f64 {
        let oldest = at.as_secs().saturating_sub(SECONDS - 1);
        let buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = buckets
            .iter()
            .filter(|(of, _)| *of >= oldest && *of <= at.as_secs());
        let events: u64 = kept.map(|(_, count)| count).sum();
        let span = at.as_secs_f64() - f64::from(u32::try_from(oldest).unwrap_or(u32::MAX));
        #[allow(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let events = events as f64;
        events / span.max(0.001)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_events_leave_the_window() {
        let window = Window::default();
        let at = Duration::from_secs;
        window.add(at(0), 100);
        assert!(window.rate(at(5)) > 19.0);
        assert!(window.rate(at(30)) < 0.001);
        window.add(at(30), 50);
        assert!((window.rate(at(39)) - 50.0 / 9.0).abs() < 0.001);
    }
}
