//! The states of a breaker, by the time it is told.

use std::time::Duration;

use tokio::time::Instant;

use super::CircuitOpen;
use super::builder::Settings;
use super::event::{CircuitCause, CircuitEvent, CircuitState};
use super::metrics::CircuitBreakerMetrics;
use super::permit::CallOutcome;
use super::window::Tally;

pub(super) struct Machine {
    pub(super) settings: Settings,
    phase: Phase,
    /// Which change of state was the last. A call belongs to the generation it began in.
    generation: u64,
    since: Instant,
    counted: CircuitBreakerMetrics,
    /// Changes that are not told yet.
    pub(super) events: Vec<CircuitEvent>,
    /// A place came free.
    pub(super) pulse: bool,
}

enum Phase {
    Closed {
        in_a_row: u32,
        tally: Option<Tally>,
    },
    /// `None`: until it is reset.
    Open {
        until: Option<Instant>,
    },
    HalfOpen {
        under_way: u32,
        succeeded: u32,
        /// When something was heard of the probes last.
        heard: Instant,
    },
}

impl Machine {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            phase: closed(&settings),
            settings,
            generation: 0,
            since: Instant::now(),
            counted: CircuitBreakerMetrics {
                state: CircuitState::Closed,
                state_since: Duration::ZERO,
                successes: 0,
                failures: 0,
                timed_out: 0,
                slow: 0,
                ignored: 0,
                rejected: 0,
                stale: 0,
                opened: 0,
                consecutive_failures: 0,
                failure_rate: None,
                probes: 0,
            },
            events: Vec::new(),
            pulse: false,
        }
    }

    pub(super) fn state(&self) -> CircuitState {
        match self.phase {
            Phase::Closed { .. } => CircuitState::Closed,
            Phase::Open { .. } => CircuitState::Open,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// Does what time has brought about.
    pub(super) fn look(&mut self, now: Instant) {
        if self.looks_at().is_some_and(|at| at <= now) {
            let cause = match self.phase {
                Phase::HalfOpen { .. } => CircuitCause::ProbesLost,
                _ => CircuitCause::TimeoutPassed,
            };
            let phase = Phase::HalfOpen {
                under_way: 0,
                succeeded: 0,
                heard: now,
            };
            self.turn(phase, cause, now);
        }
    }

    /// When time brings something about.
    pub(super) fn looks_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { until } => until,
            Phase::HalfOpen {
                under_way, heard, ..
            } if under_way > 0 => Some(heard + self.settings.timeout),
            _ => None,
        }
    }

    /// Lets a call through, which belongs to the generation returned.
    pub(super) fn admit(&mut self, now: Instant) -> Result<u64, CircuitOpen> {
        let places = self.settings.half_open_calls;
        let refused = match &mut self.phase {
            Phase::Closed { .. } => return Ok(self.generation),
            Phase::HalfOpen {
                under_way,
                succeeded,
                heard,
            } if *under_way + *succeeded < places => {
                *under_way += 1;
                *heard = now;
                return Ok(self.generation);
            }
            Phase::Open { until: Some(until) } => until.saturating_duration_since(now),
            Phase::Open { until: None } => self.settings.timeout,
            Phase::HalfOpen { .. } => (self.settings.timeout / 10).min(Duration::from_secs(1)),
        };
        self.counted.rejected += 1;
        let name = self.settings.name.clone();
        Err(CircuitOpen::new(name, self.state(), refused))
    }

    /// A call of `generation` has ended.
    pub(super) fn report(
        &mut self,
        generation: u64,
        outcome: CallOutcome,
        took: Duration,
        timed_out: bool,
        now: Instant,
    ) {
        let is_slow = self.settings.slow_call.is_some_and(|slow| took >= slow);
        let is_failure = outcome == CallOutcome::Failure || is_slow;
        self.counted.timed_out += u64::from(timed_out);
        self.counted.slow += u64::from(is_slow && outcome != CallOutcome::Failure);
        match outcome {
            _ if is_failure => self.counted.failures += 1,
            CallOutcome::Success => self.counted.successes += 1,
            _ => self.counted.ignored += 1,
        }
        let is_ignored = !is_failure && outcome == CallOutcome::Ignored;
        if generation != self.generation {
            self.counted.stale += u64::from(!is_ignored);
            return;
        }
        match &mut self.phase {
            // It opened in another generation.
            Phase::Open { .. } => {}
            Phase::Closed { in_a_row, tally } if !is_ignored => {
                *in_a_row = if is_failure { *in_a_row + 1 } else { 0 };
                if let Some(tally) = tally {
                    tally.add(is_failure, now);
                }
                if is_failure {
                    self.open_if_too_many(now);
                }
            }
            Phase::Closed { .. } => {}
            Phase::HalfOpen {
                under_way,
                succeeded,
                heard,
            } => {
                *under_way = under_way.saturating_sub(1);
                *heard = now;
                if is_failure {
                    self.open(CircuitCause::ProbeFailed, now);
                } else if is_ignored {
                    self.pulse = true;
                } else {
                    *succeeded += 1;
                    if *succeeded >= self.settings.half_open_calls {
                        let phase = closed(&self.settings);
                        self.turn(phase, CircuitCause::ProbesSucceeded, now);
                    }
                }
            }
        }
    }

    pub(super) fn force_open(&mut self, now: Instant) {
        let phase = Phase::Open { until: None };
        self.turn(phase, CircuitCause::ForcedOpen, now);
    }

    pub(super) fn reset(&mut self, now: Instant) {
        self.turn(closed(&self.settings), CircuitCause::Reset, now);
    }

    /// How many calls have succeeded so far.
    pub(super) fn successes(&self) -> u64 {
        self.counted.successes
    }

    pub(super) fn metrics(&mut self, now: Instant) -> CircuitBreakerMetrics {
        let mut metrics = CircuitBreakerMetrics {
            state: self.state(),
            state_since: now.saturating_duration_since(self.since),
            ..self.counted
        };
        match &mut self.phase {
            Phase::Closed { in_a_row, tally } => {
                metrics.consecutive_failures = *in_a_row;
                metrics.failure_rate = tally.as_mut().and_then(|tally| tally.rate(now));
            }
            Phase::HalfOpen { under_way, .. } => metrics.probes = *under_way,
            Phase::Open { .. } => {}
        }
        metrics
    }

    fn open_if_too_many(&mut self, now: Instant) {
        let Phase::Closed { in_a_row, tally } = &mut self.phase else {
            return;
        };
        let in_a_row = *in_a_row;
        let rate = tally.as_mut().and_then(|tally| tally.rate(now));
        let threshold = self.settings.failure_threshold;
        if threshold.is_some_and(|threshold| in_a_row >= threshold) {
            self.open(CircuitCause::FailuresInARow(in_a_row), now);
        } else if let (Some(rate), Some((most, _))) = (rate, &self.settings.failure_rate)
            && rate >= *most
        {
            self.open(CircuitCause::FailureRate(rate), now);
        }
    }

    fn open(&mut self, cause: CircuitCause, now: Instant) {
        let until = Some(now + self.settings.timeout);
        self.turn(Phase::Open { until }, cause, now);
    }

    /// Every change is a new generation: what began before counts for nothing after.
    fn turn(&mut self, phase: Phase, cause: CircuitCause, now: Instant) {
        let from = self.state();
        self.phase = phase;
        self.generation += 1;
        let to = self.state();
        self.counted.opened += u64::from(to == CircuitState::Open && from != to);
        self.events.push(CircuitEvent {
            name: self.settings.name.clone(),
            from,
            to,
            cause,
            after: now.saturating_duration_since(self.since),
            probes: usize::try_from(self.settings.half_open_calls).unwrap_or(usize::MAX),
        });
        self.since = now;
    }
}

fn closed(settings: &Settings) -> Phase {
    let window = settings.failure_rate.as_ref().map(|(_, window)| window);
    Phase::Closed {
        in_a_row: 0,
        tally: window.cloned().map(Tally::new),
    }
}
