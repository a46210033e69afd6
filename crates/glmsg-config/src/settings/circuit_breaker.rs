//! The bounds of a circuit breaker.

use std::time::Duration;

use crate::given::Given;

/// The bounds of a circuit breaker.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitBreakerSettings {
    /// How many failures in a row open it. Default: 5.
    pub threshold: u32,
    /// How long it stays open before it probes. Default: 60 s.
    pub timeout: Duration,
}

impl CircuitBreakerSettings {
    pub(super) fn of(given: &Given) -> Option<Self> {
        if given.flag("circuit_breaker_enabled") == Some(false) {
            return None;
        }
        let threshold = given.whole("circuit_breaker_threshold");
        let timeout = given.whole("circuit_breaker_timeout_seconds");
        Some(Self {
            threshold: threshold.and_then(|n| u32::try_from(n).ok()).unwrap_or(5),
            timeout: Duration::from_secs(timeout.unwrap_or(60)),
        })
    }
}
