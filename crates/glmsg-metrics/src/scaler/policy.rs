//! How many workers a load needs: arithmetic alone, so that it can be tried against any load.

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};

/// How much of their time workers are to be busy with what comes: the rest is for bursts.
const BUSY: f64 = 0.8;

/// How a [`Scaler`](crate::Scaler) decides. It is arithmetic alone: no clock, no I/O.
///
/// ```
/// use std::time::Duration;
/// use glmsg_metrics::{ScaleLook, ScalePolicy, ScaleState};
///
/// let policy = ScalePolicy::default();
/// let mut state = ScaleState::new(&policy);
/// // 20 messages a second of 100 ms each keep two workers busy, three with some room; 300 that
/// // wait take 30 s of work, which one more does within the target of 30 s.
/// let look = ScaleLook {
///     backlog: 300,
///     arrivals: 20.0,
///     handling: Duration::from_millis(100),
/// };
/// assert_eq!(policy.decide(&mut state, &look), 4);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalePolicy {
    /// The fewest workers. Default: 1.
    pub min: usize,
    /// The most workers. Default: 32.
    pub max: usize,
    /// How long a backlog may take to be worked off. Default: 30 s.
    pub target: Duration,
    /// How many looks in a row must ask for fewer before there are fewer. Default: 6.
    pub down_after: u32,
    /// The least change, but for one to `min` or `max`. Default: 1.
    pub min_step: usize,
}

/// What is known at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScaleLook {
    /// Messages that wait for a worker.
    pub backlog: u64,
    /// Messages that come in a second.
    pub arrivals: f64,
    /// How long a handler runs for one.
    pub handling: Duration,
}

/// What a policy remembers between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleState {
    workers: usize,
    /// How many looks in a row asked for fewer workers than there are.
    calm: u32,
    /// The most that one of them asked for.
    calm_most: usize,
}

impl ScaleState {
    /// As many workers as `policy` has at least.
    pub fn new(policy: &ScalePolicy) -> Self {
        Self {
            workers: policy.min,
            calm: 0,
            calm_most: 0,
        }
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers
    }
}

impl Default for ScalePolicy {
    fn default() -> Self {
        Self {
            min: 1,
            max: 32,
            target: Duration::from_secs(30),
            down_after: 6,
            min_step: 1,
        }
    }
}

impl ScalePolicy {
    /// Checks the bounds.
    ///
    /// # Errors
    /// `InvalidArgument` unless `min` to `max` is a range within 1 to 10 000, and the target, the
    /// looks and the step are not zero.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str| {
            let error = Error::new(ErrorKind::InvalidArgument, what).operation("scale");
            Err(error.with("bounds", format!("{}..={}", self.min, self.max)))
        };
        if self.min < 1 || self.max > 10_000 || self.min > self.max {
            return wrong("a scaler's bounds must be a range within 1 to 10000");
        }
        if self.target.is_zero() || self.down_after == 0 || self.min_step == 0 {
            return wrong("a scaler's target, looks and step must be more than zero");
        }
        Ok(())
    }

    /// How many workers `look` asks for, whatever the bounds.
    pub fn wanted(&self, look: &ScaleLook) -> u64 {
        let handling = look.handling.as_secs_f64();
        // Little's law: as many are busy as come in the time that one takes.
        let steady = look.arrivals.max(0.0) * handling / BUSY;
        let drain = number(look.backlog) * handling / self.target.as_secs_f64();
        whole(steady + drain)
    }

    /// How many workers there are to be from now on.
    pub fn decide(&self, state: &mut ScaleState, look: &ScaleLook) -> usize {
        let wanted = usize::try_from(self.wanted(look)).unwrap_or(usize::MAX);
        let wanted = wanted.clamp(self.min, self.max);
        if wanted >= state.workers {
            (state.calm, state.calm_most) = (0, 0);
            self.step(state, wanted);
            return state.workers;
        }
        state.calm += 1;
        state.calm_most = state.calm_most.max(wanted);
        if state.calm >= self.down_after {
            let most = state.calm_most;
            (state.calm, state.calm_most) = (0, 0);
            self.step(state, most);
        }
        state.workers
    }

    fn step(&self, state: &mut ScaleState, to: usize) {
        let at_bound = to == self.min || to == self.max;
        if at_bound || to.abs_diff(state.workers) >= self.min_step {
            state.workers = to;
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "an estimate")]
fn number(count: u64) -> f64 {
    count as f64
}

/// Rounded up, with no more than a rounding error forgiven.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative, and a cast of what is too large saturates"
)]
fn whole(workers: f64) -> u64 {
    (workers - 1e-9).max(0.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A queue with workers that a policy sets, once a second.
    struct Simulation {
        policy: ScalePolicy,
        state: ScaleState,
        /// Seconds that a message takes.
        handling: f64,
        backlog: f64,
    }

    impl Simulation {
        fn new(policy: ScalePolicy, handling: f64) -> Self {
            Self {
                policy,
                state: ScaleState::new(&policy),
                handling,
                backlog: 0.0,
            }
        }

        fn second(&mut self, arrivals: f64) -> usize {
            let capacity = self.state.workers as f64 / self.handling;
            self.backlog = (self.backlog + arrivals - capacity).max(0.0);
            let look = ScaleLook {
                backlog: whole(self.backlog),
                arrivals,
                handling: Duration::from_secs_f64(self.handling),
            };
            self.policy.decide(&mut self.state, &look)
        }
    }

    proptest! {
        #[test]
        fn a_steady_load_gets_enough_workers_and_then_they_stay(
            arrivals in 1.0..500.0_f64,
            handling in 0.001..0.05_f64,
        ) {
            let mut queue = Simulation::new(ScalePolicy::default(), handling);
            for _ in 0..300 {
                queue.second(arrivals);
            }
            let settled = queue.state.workers();
            prop_assert!(settled as f64 >= arrivals * handling, "{settled} are too few");
            prop_assert!(queue.backlog < 1.0, "{} wait", queue.backlog);
            for _ in 0..300 {
                prop_assert_eq!(queue.second(arrivals), settled);
            }
        }

        #[test]
        fn a_load_that_wavers_does_not_make_workers_waver(
            arrivals in 50.0..400.0_f64,
            noise in prop::collection::vec(0.8..1.2_f64, 400),
        ) {
            let mut queue = Simulation::new(ScalePolicy::default(), 0.02);
            let mut changes = 0;
            for (second, noise) in noise.into_iter().enumerate() {
                let before = queue.state.workers();
                let after = queue.second(arrivals * noise);
                changes += u32::from(second >= 100 && after != before);
            }
            // A change a second would be 300; down and up again takes seven seconds at least.
            prop_assert!(changes <= 86, "{changes} changes in 300 s");
        }

        #[test]
        fn a_flood_gets_all_workers_and_silence_gives_them_back(
            flood in 2_000.0..50_000.0_f64,
            handling in 0.05..1.0_f64,
        ) {
            let policy = ScalePolicy::default();
            let mut queue = Simulation::new(policy, handling);
            prop_assert_eq!(queue.second(flood), policy.max);
            queue.backlog = 0.0;
            for _ in 0..policy.down_after {
                queue.second(0.0);
            }
            prop_assert_eq!(queue.state.workers(), policy.min);
        }

        #[test]
        fn the_bounds_hold_whatever_is_seen(
            looks in prop::collection::vec((any::<u64>(), any::<f64>(), any::<u64>()), 1..50),
        ) {
            let policy = ScalePolicy { min: 2, max: 9, ..ScalePolicy::default() };
            let mut state = ScaleState::new(&policy);
            for (backlog, arrivals, millis) in looks {
                let handling = Duration::from_millis(millis);
                let workers = policy.decide(&mut state, &ScaleLook { backlog, arrivals, handling });
                prop_assert!((2..=9).contains(&workers));
            }
        }
    }

    #[test]
    fn a_small_step_is_not_taken_but_to_a_bound() {
        let policy = ScalePolicy {
            min_step: 4,
            max: 8,
            ..ScalePolicy::default()
        };
        let mut state = ScaleState::new(&policy);
        let mut wants = |arrivals: f64| {
            let look = ScaleLook {
                backlog: 0,
                arrivals,
                handling: Duration::from_millis(800),
            };
            policy.decide(&mut state, &look)
        };
        assert_eq!(wants(3.0), 1);
        assert_eq!(wants(5.0), 5);
        assert_eq!(wants(7.0), 5);
        assert_eq!(wants(8.0), 8);
        let down: Vec<usize> = (0..6).map(|_| wants(0.0)).collect();
        assert_eq!(down, [8, 8, 8, 8, 8, 1]);
    }

    #[test]
    fn bounds_that_make_no_sense_are_refused() {
        let wrong = |change: fn(&mut ScalePolicy)| {
            let mut policy = ScalePolicy::default();
            change(&mut policy);
            policy.check().is_err()
        };
        assert!(ScalePolicy::default().check().is_ok());
        assert!(wrong(|p| p.min = 0));
        assert!(wrong(|p| p.min = 33));
        assert!(wrong(|p| p.max = 10_001));
        assert!(wrong(|p| p.target = Duration::ZERO));
    }
}
