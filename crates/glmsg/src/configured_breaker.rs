//! The circuit breaker that settings ask for.

use std::sync::Arc;

use glmsg_config::Settings;
use glmsg_core::Result;
use glmsg_patterns::circuit_breaker::CircuitBreaker;

/// The circuit breaker that `settings` ask for, closed; none where they turn it off.
///
/// ```
/// use glmsg::config::{Settings, circuit_breaker};
///
/// let settings = Settings::builder().set("circuit_breaker_threshold", 2)?.build()?;
/// assert!(circuit_breaker("payments", &settings)?.is_some());
/// let settings = Settings::builder().set("circuit_breaker_enabled", false)?.build()?;
/// assert!(circuit_breaker("payments", &settings)?.is_none());
/// # Ok::<(), glmsg::Error>(())
/// ```
///
/// # Errors
/// As [`CircuitBreakerBuilder::build`](glmsg_patterns::circuit_breaker::CircuitBreakerBuilder::build).
pub fn circuit_breaker(
    name: impl Into<Arc<str>>,
    settings: &Settings,
) -> Result<Option<CircuitBreaker>> {
    let Some(bounds) = settings.circuit_breaker() else {
        return Ok(None);
    };
    let breaker = CircuitBreaker::builder(name)
        .failure_threshold(bounds.threshold)
        .timeout(bounds.timeout);
    breaker.build().map(Some)
}
