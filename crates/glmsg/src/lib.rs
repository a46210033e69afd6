#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;
mod doctor;
pub mod prelude;

pub use connect::{connect, schemes};
pub use doctor::doctor;
pub use glmsg_broker::*;
pub use glmsg_core::*;

/// Settings from files and the environment.
#[cfg(feature = "config")]
pub mod config {
    pub use glmsg_config::*;
}

/// The Kafka broker.
#[cfg(feature = "kafka")]
pub mod kafka {
    pub use glmsg_kafka::*;
}

/// The in-process broker.
#[cfg(feature = "memory")]
pub mod memory {
    pub use glmsg_memory::*;
}

/// Prometheus metrics, health endpoints, and the scaler of workers.
#[cfg(feature = "metrics")]
pub mod metrics {
    pub use glmsg_metrics::*;
}

/// Coordination patterns, one feature each.
#[cfg(any(
    feature = "request-reply",
    feature = "pub-sub",
    feature = "work-queue",
    feature = "event-sourcing",
    feature = "saga",
    feature = "circuit-breaker",
    feature = "inbox",
    feature = "outbox"
))]
pub mod patterns {
    pub use glmsg_patterns::*;
}

/// The Redis and Valkey broker.
///
/// The front page of [`glmsg_redis`] lists the settings of its URL, what it promises, and what the
/// doctor looks at.
///
/// A server that loses what it had makes no call fail: topics and groups are made anew, and
/// consumers go on. It is a warning in the log; a program that is to act on it opens the broker by
/// its type, which [`connect`] hides, and listens:
///
/// ```no_run
/// use glmsg::prelude::*;
/// use glmsg::redis::{RedisBroker, RedisConfig, RedisEvent};
/// use glmsg::{Layer, MetricsLayer};
/// use tokio::sync::broadcast::error::RecvError;
///
/// # async fn run() -> glmsg::Result<()> {
/// let redis = RedisBroker::open(RedisConfig::from_url("redis://localhost")?).await?;
/// let mut events = redis.events();
/// tokio::spawn(async move {
///     loop {
///         match events.recv().await {
///             Ok(RedisEvent::MessagesLost { topic, lost, stored_again }) => {
///                 eprintln!("{topic} lost {lost} messages, {stored_again} are there again");
///             }
///             Ok(event) => eprintln!("{event}"),
///             Err(RecvError::Lagged(missed)) => eprintln!("{missed} events were missed"),
///             Err(RecvError::Closed) => break,
///         }
///     }
/// });
/// // As `connect` would give it.
/// let broker: Arc<dyn Broker> = MetricsLayer::new().layer(Arc::new(redis));
/// # drop(broker);
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "redis")]
pub mod redis {
    pub use glmsg_redis::*;
}

/// The embedded durable broker.
#[cfg(feature = "sqlite")]
pub mod sqlite {
    pub use glmsg_sqlite::*;
}

/// Spans of `tracing`, with the trace carried in the message.
#[cfg(feature = "tracing")]
pub mod tracing {
    pub use glmsg_tracing::*;
}

/// The guide to metrics is compiled too.
#[cfg(all(
    doctest,
    feature = "metrics",
    feature = "memory",
    feature = "circuit-breaker"
))]
#[doc = include_str!("../../../docs/guides/metrics.md")]
mod metrics_guide {}

/// The project's README is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
