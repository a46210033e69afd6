//! Setting up a breaker.

use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};

use super::machine::Machine;
use super::{CircuitBreaker, SlidingWindow};

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) name: Arc<str>,
    pub(super) failure_threshold: Option<u32>,
    pub(super) failure_rate: Option<(f64, SlidingWindow)>,
    pub(super) timeout: Duration,
    pub(super) half_open_calls: u32,
    pub(super) call_timeout: Option<Duration>,
    pub(super) slow_call: Option<Duration>,
}

impl Settings {
    pub(super) fn named(name: Arc<str>) -> Self {
        Self {
            name,
            failure_threshold: Some(5),
            failure_rate: None,
            timeout: Duration::from_secs(60),
            half_open_calls: 3,
            call_timeout: None,
            slow_call: None,
        }
    }
}

/// Sets up a [`CircuitBreaker`].
#[must_use = "a breaker is made by `build`"]
#[derive(Debug, Clone)]
pub struct CircuitBreakerBuilder(Settings);

impl CircuitBreakerBuilder {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self(Settings::named(name))
    }

    /// How many failures in a row open it; one success begins the count anew. Default: 5.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.0.failure_threshold = Some(failures);
        self
    }

    /// Failures in a row do not open it, only a [rate](Self::failure_rate).
    pub fn no_failure_threshold(mut self) -> Self {
        self.0.failure_threshold = None;
        self
    }

    /// Which share of failures in `window` opens it, over 0 and up to 1. It is looked at besides the
    /// failures in a row. Default: none.
    pub fn failure_rate(mut self, rate: f64, window: SlidingWindow) -> Self {
        self.0.failure_rate = Some((rate, window));
        self
    }

    /// How long it stays open before it probes, 1 ms to 30 days. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }

    /// How many probes are let through when it is half open, and must succeed to close it, 1 to
    /// 1 000. Default: 3.
    pub fn half_open_calls(mut self, calls: u32) -> Self {
        self.0.half_open_calls = calls;
        self
    }

    /// How long a call may take; then it is dropped, and is a failure. Default: for ever. Permits
    /// that are settled by hand have no such bound.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.0.call_timeout = Some(timeout);
        self
    }

    /// A call that took this long is a failure, also if it succeeded in the end or was dropped.
    /// That is how a time-out of the caller's own counts. Default: never.
    pub fn slow_call(mut self, slow: Duration) -> Self {
        self.0.slow_call = Some(slow);
        self
    }

    /// The breaker, closed.
    ///
    /// # Errors
    /// `InvalidArgument` for a bound that makes no sense, or if nothing could ever open it.
    pub fn build(self) -> Result<CircuitBreaker> {
        self.check()?;
        Ok(CircuitBreaker::with(Machine::new(self.0)))
    }

    fn check(&self) -> Result<()> {
        const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);
        let settings = &self.0;
        let wrong = |what: &str| {
            Err(Error::new(ErrorKind::InvalidArgument, what)
                .operation("circuit breaker")
                .with("name", &settings.name))
        };
        if settings.failure_threshold == Some(0) {
            return wrong("the failure threshold must be at least 1");
        }
        if settings.failure_threshold.is_none() && settings.failure_rate.is_none() {
            return wrong("with neither a failure threshold nor a failure rate it never opens");
        }
        if let Some((rate, window)) = &settings.failure_rate {
            if !(*rate > 0.0 && *rate <= 1.0) {
                return wrong("the failure rate must be over 0 and at most 1");
            }
            window.check()?;
        }
        if settings.timeout < Duration::from_millis(1) || settings.timeout > MONTH {
            return wrong("the time-out must be 1 ms to 30 days");
        }
        if !(1..=1_000).contains(&settings.half_open_calls) {
            return wrong("the number of probes must be 1 to 1000");
        }
        Ok(())
    }
}
