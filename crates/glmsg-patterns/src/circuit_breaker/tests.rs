//! The breaker, by a clock that is moved by hand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod counting;
mod guarding;
mod probing;
#[cfg(feature = "tower")]
mod tower;

use std::time::Duration;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

async fn fails(breaker: &CircuitBreaker) -> Result<(), CircuitBreakerError<&'static str>> {
    breaker.call(|| async { Err("down") }).await
}

async fn succeeds(breaker: &CircuitBreaker) -> Result<(), CircuitBreakerError<&'static str>> {
    breaker.call(|| async { Ok(()) }).await
}

/// A breaker that has just opened.
async fn opened() -> CircuitBreaker {
    let breaker = CircuitBreaker::new("dependency");
    for _ in 0..5 {
        assert_eq!(
            fails(&breaker).await,
            Err(CircuitBreakerError::Call("down"))
        );
    }
    assert_eq!(breaker.state(), CircuitState::Open);
    breaker
}

/// A breaker that has just become half open.
async fn half_open() -> CircuitBreaker {
    let breaker = opened().await;
    tokio::time::advance(MINUTE).await;
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    breaker
}
