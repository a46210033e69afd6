//! Whether a group moves on: how far each of its partitions is behind, and since when nothing has
//! been done of it while that grew.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What is seen of an assigned partition at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// Our number of it: another one after it was away.
    pub(crate) part: u64,
    /// How many of its messages are done, ever.
    pub(crate) done: u64,
    /// How many messages are stored behind the first that is not done. `None` while unknown.
    pub(crate) lag: Option<i64>,
}

/// A partition since something was last done of it.
#[derive(Debug)]
struct Still {
    part: u64,
    done: u64,
    first_lag: i64,
    lag: i64,
    /// Since when there is more than there was.
    growing_since: Option<Instant>,
}

/// A partition that does not move on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) lag: i64,
    pub(crate) since: Duration,
}

/// How a group's partitions in this process have moved on.
#[derive(Debug, Default)]
pub(crate) struct Progress(HashMap<(String, i32), Still>);

impl Progress {
    /// Takes down what is seen of all that is assigned. `is_full` tells that nothing more is read
    /// for lack of room: then the end is not known, and whatever comes is not taken.
    pub(crate) fn observe(&mut self, seen: &[Seen], is_full: bool, now: Instant) {
        let mut before = std::mem::take(&mut self.0);
        for one in seen {
            let place = (one.topic.clone(), one.partition);
            let known = before
                .remove(&place)
                .filter(|still| still.part == one.part && still.done == one.done);
            let Some(lag) = one.lag.or(known.as_ref().map(|still| still.lag)) else {
                continue;
            };
            let mut still = known.unwrap_or(Still {
                part: one.part,
                done: one.done,
                first_lag: lag,
                lag,
                growing_since: None,
            });
            still.lag = lag;
            if lag > still.first_lag || lag > 0 && is_full {
                still.growing_since.get_or_insert(now);
            } else {
                still.growing_since = None;
            }
            self.0.insert(place, still);
        }
    }

    /// How many messages all of it is behind, about.
    pub(crate) fn lag(&self) -> i64 {
        self.0.values().map(|still| still.lag).sum()
    }

    /// The partition that has not moved on for the longest time, at least as long as this, while
    /// its lag grew.
    pub(crate) fn stuck(&self, patience: Duration, now: Instant) -> Option<Stuck> {
        let each = self.0.iter().filter_map(|((topic, partition), still)| {
            let since = now.saturating_duration_since(still.growing_since?);
            (since >= patience).then(|| Stuck {
                topic: topic.clone(),
                partition: *partition,
                lag: still.lag,
                since,
            })
        });
        each.max_by_key(|stuck| stuck.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn seen(done: u64, lag: i64) -> Seen {
        Seen {
            topic: "t".to_owned(),
            partition: 0,
            part: 1,
            done,
            lag: Some(lag),
        }
    }

    /// What is seen of one partition, a second after the other, and how it is judged at the end.
    fn judge(steps: &[(u64, Seen)]) -> Option<Stuck> {
        let begun = Instant::now();
        let mut progress = Progress::default();
        let mut now = begun;
        for (second, seen) in steps {
            now = begun + Duration::from_secs(*second);
            progress.observe(std::slice::from_ref(seen), false, now);
        }
        progress.stuck(PATIENCE, now)
    }

    #[test]
    fn without_a_partition_nothing_is_stuck() {
        let now = Instant::now();
        let mut progress = Progress::default();
        assert_eq!(progress.stuck(PATIENCE, now), None);
        progress.observe(&[seen(0, 1)], false, now);
        progress.observe(&[seen(0, 9)], false, now);
        progress.observe(&[], false, now + PATIENCE);
        assert_eq!(progress.stuck(PATIENCE, now + 2 * PATIENCE), None);
        assert_eq!(progress.lag(), 0);
    }

    #[test]
    fn who_does_nothing_while_the_lag_grows_is_stuck() {
        let steps = [(0, seen(5, 1)), (10, seen(5, 3)), (69, seen(5, 8))];
        assert_eq!(judge(&steps), None, "59 seconds are not enough");
        let steps = [(0, seen(5, 1)), (10, seen(5, 3)), (70, seen(5, 8))];
        let stuck = judge(&steps).unwrap();
        assert_eq!((stuck.lag, stuck.since), (8, PATIENCE));
    }

    #[test]
    fn a_slow_handler_with_nothing_new_behind_it_is_not_stuck() {
        assert_eq!(judge(&[(0, seen(0, 4)), (1000, seen(0, 4))]), None);
        // The patience begins with what is new.
        let steps = [(0, seen(0, 4)), (1000, seen(0, 5)), (1059, seen(0, 6))];
        assert_eq!(judge(&steps), None);
    }

    #[test]
    fn whatever_is_done_is_progress_also_if_the_lag_grows() {
        let steps: Vec<_> = (0..20)
            .map(|n| (n * 30, seen(n, n.cast_signed() * 10)))
            .collect();
        assert_eq!(judge(&steps), None);
    }

    #[test]
    fn a_partition_that_was_away_begins_anew() {
        let back = Seen {
            part: 2,
            ..seen(5, 9)
        };
        assert_eq!(
            judge(&[(0, seen(5, 1)), (10, seen(5, 9)), (90, back)]),
            None
        );
    }

    #[test]
    fn who_is_full_and_does_nothing_is_stuck_wherever_the_end_is() {
        let now = Instant::now();
        let mut progress = Progress::default();
        let unknown = Seen {
            lag: None,
            ..seen(0, 0)
        };
        progress.observe(&[seen(0, 9000)], true, now);
        progress.observe(&[unknown], true, now + PATIENCE);
        let stuck = progress.stuck(PATIENCE, now + PATIENCE).unwrap();
        assert_eq!(stuck.lag, 9000);
        progress.observe(&[seen(7, 8990)], false, now + PATIENCE);
        assert_eq!(progress.stuck(PATIENCE, now + 3 * PATIENCE), None);
    }
}
