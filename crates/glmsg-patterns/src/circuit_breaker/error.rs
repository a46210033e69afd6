//! Why a call did not go well.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{Error, ErrorKind};

use super::CircuitState;

/// The breaker did not let a call through; nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitOpen {
    name: Arc<str>,
    state: CircuitState,
    retry_after: Duration,
}

impl CircuitOpen {
    pub(super) fn new(name: Arc<str>, state: CircuitState, retry_after: Duration) -> Self {
        Self {
            name,
            state,
            retry_after,
        }
    }

    /// The breaker's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `Open`, or `HalfOpen` if all places for probes are taken.
    pub fn state(&self) -> CircuitState {
        self.state
    }

    /// When to try again: the rest of the time-out if it is open. While probes are under way nobody
    /// knows; then it is a tenth of the time-out, at most 1 s.
    pub fn retry_after(&self) -> Duration {
        self.retry_after
    }
}

impl fmt::Display for CircuitOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            state,
            retry_after,
        } = self;
        write!(
            f,
            "the circuit breaker {name:?} is {state}; try again in {retry_after:?}"
        )
    }
}

impl StdError for CircuitOpen {}

impl From<CircuitOpen> for Error {
    fn from(open: CircuitOpen) -> Self {
        Self::new(ErrorKind::Unavailable, "the circuit breaker is not closed")
            .with("breaker", &open.name)
            .with("state", open.state)
            .with("retry after", format!("{:?}", open.retry_after))
            .source(open)
    }
}

/// Why a call through a breaker has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CircuitBreakerError<E> {
    /// It was not called.
    Open(CircuitOpen),
    /// It was given up after this long, the breaker's
    /// [`call_timeout`](super::CircuitBreakerBuilder::call_timeout).
    TimedOut(Duration),
    /// It was called, and failed.
    Call(E),
}

impl<E> CircuitBreakerError<E> {
    /// When to try again, if the call was refused.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Open(open) => Some(open.retry_after()),
            _ => None,
        }
    }

    /// `true` if it was not called.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// The call's own error.
    pub fn into_call(self) -> Option<E> {
        match self {
            Self::Call(error) => Some(error),
            _ => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for CircuitBreakerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(open) => open.fmt(f),
            Self::TimedOut(limit) => write!(f, "the call did not end within {limit:?}"),
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl<E: StdError + 'static> StdError for CircuitBreakerError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Call(error) => error.source(),
            _ => None,
        }
    }
}
