//! The broker's health, asked for no more often than is good for it.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Health, HealthStatus};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::PrometheusLayer;
use crate::store::Store;

/// A broker answers within 5 s; one that does not is not healthy.
const LIMIT: Duration = Duration::from_secs(10);

/// The broker's health, asked for no more often than
/// [`health_interval`](crate::Options::health_interval) says; in between, the last answer is given.
/// A clone shares it.
#[derive(Debug, Clone)]
pub struct HealthProbe(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    broker: Arc<dyn Broker>,
    store: Arc<Store>,
    last: Mutex<Option<(Instant, Health)>>,
}

impl HealthProbe {
    /// A probe of `broker`, whose answers are the metrics `broker_healthy` and `broker_connected`
    /// of `layer`.
    pub fn new(layer: &PrometheusLayer, broker: Arc<dyn Broker>) -> Self {
        Self(Arc::new(Inner {
            broker,
            store: layer.store.clone(),
            last: Mutex::default(),
        }))
    }

    /// The health, at most an interval old. Of several callers one asks the broker, and the others
    /// wait for its answer.
    ///
    /// # Cancel safety
    /// Dropping the future gives a probe up; the next call begins it anew.
    pub async fn health(&self) -> Health {
        let store = &self.0.store;
        let mut last = self.0.last.lock().await;
        if let Some((at, health)) = &*last
            && at.elapsed() < store.options.health_interval
        {
            return health.clone();
        }
        let health = match tokio::time::timeout(LIMIT, self.0.broker.health()).await {
            Ok(health) => health,
            Err(_) => Health::unhealthy(LIMIT, "the broker does not answer a health probe"),
        };
        store.set_health(health.status);
        store.set_connected(health.status != HealthStatus::Unhealthy);
        *last = Some((Instant::now(), health.clone()));
        health
    }
}
