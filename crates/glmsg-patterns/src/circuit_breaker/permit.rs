//! Leave for one call.

use std::time::Duration;

use tokio::time::Instant;

use super::CircuitBreaker;

/// How the end of a call counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallOutcome {
    /// What was called is well.
    Success,
    /// What was called is not.
    Failure,
    /// It says nothing about what was called.
    Ignored,
}

/// Leave for one call. Settle it when the call has ended.
///
/// Dropping it counts as nothing and gives a probe's place back, with two exceptions: during a panic
/// it is a failure, and so it is if the call has been
/// [slow](super::CircuitBreakerBuilder::slow_call).
#[must_use = "a permit is for a call, whose end it is told"]
#[derive(Debug)]
pub struct CircuitPermit {
    breaker: CircuitBreaker,
    generation: u64,
    began: Instant,
    settled: bool,
}

impl CircuitPermit {
    pub(super) fn new(breaker: CircuitBreaker, generation: u64, began: Instant) -> Self {
        Self {
            breaker,
            generation,
            began,
            settled: false,
        }
    }

    /// The call succeeded.
    pub fn success(self) {
        self.settle(CallOutcome::Success);
    }

    /// The call failed.
    pub fn failure(self) {
        self.settle(CallOutcome::Failure);
    }

    /// The call has ended.
    pub fn settle(mut self, outcome: CallOutcome) {
        self.settled = true;
        self.report(outcome, false);
    }

    pub(super) fn timed_out(mut self) {
        self.settled = true;
        self.report(CallOutcome::Failure, true);
    }

    /// How long calls may take, if there is a bound.
    pub(super) fn limit(&self) -> Option<Duration> {
        self.breaker.0.machine().settings.call_timeout
    }

    fn report(&self, outcome: CallOutcome, timed_out: bool) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.began);
        self.breaker.0.change(now, |machine| {
            machine.report(self.generation, outcome, took, timed_out, now);
        });
    }
}

impl Drop for CircuitPermit {
    fn drop(&mut self) {
        if !self.settled {
            let outcome = match std::thread::panicking() {
                true => CallOutcome::Failure,
                false => CallOutcome::Ignored,
            };
            self.report(outcome, false);
        }
    }
}
