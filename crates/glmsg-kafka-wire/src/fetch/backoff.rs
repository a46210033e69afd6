//! How long to wait until something is tried again.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// Waits that grow with each failure, until something works.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    last: Duration,
    until: Option<Instant>,
}

impl Backoff {
    /// It did not work. Returns how long to wait.
    pub(super) fn grow(&mut self) -> Duration {
        self.last = (self.last * 2).clamp(FIRST, LONGEST);
        // Those who failed together are not to try again together.
        let share = 0.75 + fastrand::f64() / 4.0;
        let wait = self.last.mul_f64(share);
        self.until = Some(Instant::now() + wait);
        wait
    }

    /// It worked.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// When to try again. None if nothing is to be waited for.
    pub(super) fn pending(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }
}
