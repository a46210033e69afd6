//! The default clock: wall time that runs with tokio's timers.

use glmsg_core::{Clock, SystemClock, Timestamp};
use tokio::time::Instant;

/// The wall time when it was made, and from then on the time of tokio's timers. So
/// `tokio::time::pause` and `tokio::time::advance` move it together with everything else that
/// sleeps, and it never runs backwards.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    base: Timestamp,
    start: Instant,
}

impl TokioClock {
    /// A clock that shows the machine's wall time now.
    pub fn new() -> Self {
        Self::starting_at(SystemClock.now())
    }

    /// A clock that shows `base` now.
    pub fn starting_at(base: Timestamp) -> Self {
        Self {
            base,
            start: Instant::now(),
        }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.base.after(self.start.elapsed())
    }
}
