//! The cluster's time, as what is stored tells it.

use std::sync::{Mutex, PoisonError};

use glmsg_core::{Clock as _, SystemClock, Timestamp};

/// How far the cluster's clock is ahead of ours, in microseconds: between two bounds, and not at all
/// where these allow it.
#[derive(Debug)]
pub(super) struct ClusterClock(Mutex<Bounds>);

#[derive(Debug, Clone, Copy)]
struct Bounds {
    least: i64,
    most: i64,
}

impl Default for ClusterClock {
    fn default() -> Self {
        Self(Mutex::new(Bounds {
            least: i64::MIN,
            most: i64::MAX,
        }))
    }
}

impl ClusterClock {
    /// Something that was stored at this time has just been read; it may have been on its way for
    /// long. What is ours was sent at `since` or later. The newer is right where a clock was set.
    pub(super) fn tell(&self, stored: Timestamp, since: Option<Timestamp>) {
        let (stored, now) = (stored.as_micros(), SystemClock.now().as_micros());
        let mut bounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bounds.least = bounds.least.max(stored.saturating_sub(now));
        bounds.most = bounds.most.max(bounds.least);
        if let Some(since) = since {
            bounds.most = bounds.most.min(stored.saturating_sub(since.as_micros()));
            bounds.least = bounds.least.min(bounds.most);
        }
    }

    /// Ours, as long as nothing tells that it is wrong.
    pub(super) fn now(&self) -> Timestamp {
        let bounds = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = 0.clamp(bounds.least, bounds.most);
        Timestamp::from_micros(SystemClock.now().as_micros().saturating_add(ahead))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn away(from: Timestamp, micros: i64) -> Timestamp {
        Timestamp::from_micros(from.as_micros() + micros)
    }

    #[test]
    fn a_clock_that_is_ahead_or_behind_is_followed() {
        for ahead in [HOUR, -HOUR] {
            let (clock, now) = (ClusterClock::default(), SystemClock.now());
            clock.tell(away(now, ahead), Some(now));
            let told = clock.now();
            assert!(told >= away(now, ahead), "{ahead}");
            assert!(told < away(now, ahead + 60_000_000), "{ahead}");
        }
    }

    #[test]
    fn what_was_long_on_its_way_changes_nothing() {
        let (clock, now) = (ClusterClock::default(), SystemClock.now());
        clock.tell(away(now, -HOUR), None);
        assert!(clock.now() >= now);
        assert!(clock.now() < now.after(Duration::from_secs(60)));
    }

    #[test]
    fn a_clock_that_is_set_is_followed() {
        let (clock, now) = (ClusterClock::default(), SystemClock.now());
        clock.tell(away(now, HOUR), None);
        assert!(clock.now() >= away(now, HOUR));
        clock.tell(now, Some(now));
        assert!(clock.now() < away(now, 60_000_000), "it was set back");
        clock.tell(away(now, HOUR), None);
        assert!(clock.now() >= away(now, HOUR), "and forth");
    }
}
