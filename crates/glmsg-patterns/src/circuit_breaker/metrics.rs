//! What a breaker has counted.

use std::time::Duration;

use super::CircuitState;

/// What a [`CircuitBreaker`](super::CircuitBreaker) has counted since it was made, and where it
/// stands.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircuitBreakerMetrics {
    /// Where it stands.
    pub state: CircuitState,
    /// For how long.
    pub state_since: Duration,
    /// Calls that succeeded.
    pub successes: u64,
    /// Calls that failed, those included that were too slow or timed out.
    pub failures: u64,
    /// Calls that the breaker gave up for their time, part of `failures`.
    pub timed_out: u64,
    /// Calls that count as failures only because they took long, part of `failures`.
    pub slow: u64,
    /// Calls that count as nothing: dropped, or so classified.
    pub ignored: u64,
    /// Calls that were refused.
    pub rejected: u64,
    /// Results that changed nothing, because the state had changed since the call began. They are
    /// part of `successes` and `failures`, too.
    pub stale: u64,
    /// How often it has opened.
    pub opened: u64,
    /// How many calls failed since the last success, while it is closed.
    pub consecutive_failures: u32,
    /// The share of failures in the sliding window, once there are calls enough.
    pub failure_rate: Option<f64>,
    /// Probes under way.
    pub probes: u32,
}
