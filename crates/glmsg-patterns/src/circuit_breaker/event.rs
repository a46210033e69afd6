//! States, and changes between them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CircuitState {
    /// Calls go through.
    Closed,
    /// Calls are refused.
    Open,
    /// A few calls go through, to find out whether all may again.
    HalfOpen,
}

impl CircuitState {
    /// `CLOSED`, `OPEN` or `HALF_OPEN`: the stable name, as in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
        }
    }
}

impl fmt::Display for CircuitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a breaker changed its state.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CircuitCause {
    /// So many calls failed, one after the other.
    FailuresInARow(u32),
    /// This share of the calls in the window failed.
    FailureRate(f64),
    /// It was open for its time-out.
    TimeoutPassed,
    /// A probe failed.
    ProbeFailed,
    /// All probes succeeded.
    ProbesSucceeded,
    /// Nothing was heard of the probes for the length of the time-out: their places are free again.
    ProbesLost,
    /// Somebody opened it by hand.
    ForcedOpen,
    /// Somebody reset it.
    Reset,
}

impl fmt::Display for CircuitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailuresInARow(n) => write!(f, "{n} failures in a row"),
            Self::FailureRate(rate) => write!(f, "{:.0} % of the calls failed", rate * 100.0),
            Self::TimeoutPassed => f.write_str("its time-out has passed"),
            Self::ProbeFailed => f.write_str("a probe failed"),
            Self::ProbesSucceeded => f.write_str("all probes succeeded"),
            Self::ProbesLost => f.write_str("nothing was heard of the probes"),
            Self::ForcedOpen => f.write_str("it was opened by hand"),
            Self::Reset => f.write_str("it was reset"),
        }
    }
}

/// A breaker has changed its state.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitEvent {
    /// The breaker's name.
    pub name: Arc<str>,
    /// What it was.
    pub from: CircuitState,
    /// What it is now.
    pub to: CircuitState,
    /// Why.
    pub cause: CircuitCause,
    /// How long it had been what it was.
    pub after: Duration,
    /// How many probes there are when half open.
    pub(super) probes: usize,
}

impl CircuitEvent {
    pub(super) fn log(&self) {
        let Self {
            name,
            from,
            to,
            cause,
            after,
            ..
        } = self;
        match to {
            CircuitState::Open => {
                tracing::warn!(%name, %from, %to, %cause, ?after, "circuit breaker");
            }
            _ => tracing::info!(%name, %from, %to, %cause, ?after, "circuit breaker"),
        }
    }
}
