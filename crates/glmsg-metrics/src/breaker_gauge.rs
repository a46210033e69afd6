//! The state of a circuit breaker as a number.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Whether a circuit breaker lets calls through, as `circuit_breaker_state` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BreakerState {
    /// It lets calls through: 0.
    #[default]
    Closed = 0,
    /// It lets a few through to see: 1.
    HalfOpen = 1,
    /// It lets none through: 2.
    Open = 2,
}

/// The gauge of a circuit breaker, from [`PrometheusLayer::breaker`](crate::PrometheusLayer::breaker).
/// Whoever has the breaker sets it, such as from what `CircuitBreaker::watch` or
/// `CircuitBreaker::events` of glmsg-patterns tell:
///
/// ```
/// # use glmsg_metrics::{BreakerState, Options, PrometheusLayer};
/// # use glmsg_metrics::prometheus_client::registry::Registry;
/// # let mut registry = Registry::default();
/// # let layer = PrometheusLayer::new(&mut registry, Options::default())?;
/// # enum CircuitState { Closed, HalfOpen, Open }
/// # struct Event { to: CircuitState }
/// let gauge = layer.breaker("weather-service");
/// let on_event = move |event: &Event| {
///     gauge.set(match event.to {
///         CircuitState::Closed => BreakerState::Closed,
///         CircuitState::HalfOpen => BreakerState::HalfOpen,
///         CircuitState::Open => BreakerState::Open,
///     });
/// };
/// on_event(&Event { to: CircuitState::Open });
/// # let text = glmsg_metrics::exposition(&registry, glmsg_metrics::Format::Text)?;
/// # assert!(text.contains("circuit_breaker_state{breaker=\"weather-service\"} 2"));
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BreakerGauge {
    pub(crate) state: Arc<AtomicU64>,
}

impl BreakerGauge {
    /// Shows `state` from now on.
    pub fn set(&self, state: BreakerState) {
        self.state.store(state as u64, Relaxed);
    }
}
