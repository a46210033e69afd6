//! The cluster's time, as what was just stored tells it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use glmsg_core::{Clock as _, SystemClock, Timestamp};

/// How long a better sample stands against worse ones.
const STANDS: Duration = Duration::from_secs(10);

/// How far the cluster's clock is ahead of ours.
#[derive(Debug, Default)]
pub(super) struct ClusterClock(Mutex<Option<Sample>>);

#[derive(Debug, Clone, Copy)]
struct Sample {
    ahead: i64,
    taken: Instant,
}

impl ClusterClock {
    /// Something that was stored at this time has just been read. What took long to come here tells
    /// less than what came at once.
    pub(super) fn tell(&self, stored: Timestamp) {
        let ahead = stored
            .as_micros()
            .saturating_sub(SystemClock.now().as_micros());
        let taken = Instant::now();
        let mut best = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if best.is_none_or(|best| ahead >= best.ahead || taken - best.taken > STANDS) {
            *best = Some(Sample { ahead, taken });
        }
    }

    /// Ours, as long as nothing has been told.
    pub(super) fn now(&self) -> Timestamp {
        let best = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = best.map_or(0, |best| best.ahead);
        Timestamp::from_micros(SystemClock.now().as_micros().saturating_add(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_at_once_tells_the_time() {
        let (clock, now) = (ClusterClock::default(), SystemClock.now());
        let ahead = now.after(Duration::from_secs(3600));
        clock.tell(ahead);
        // This one took a minute to come.
        clock.tell(Timestamp::from_micros(ahead.as_micros() - 60_000_000));
        assert!(clock.now() >= ahead);
        assert!(clock.now() < ahead.after(Duration::from_secs(60)));
    }
}
