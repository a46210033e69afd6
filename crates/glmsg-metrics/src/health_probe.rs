//! The broker's health, asked for no more often than is good for it.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Health, HealthStatus};
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep, timeout};

use crate::PrometheusLayer;
use crate::store::Store;

/// A broker answers within 5 s; one that does not is not healthy.
const LIMIT: Duration = Duration::from_secs(10);
/// Who asks whether a program is ready waits so long for an answer: whoever asks often waits a second.
#[cfg(feature = "http")]
const SOON: Duration = Duration::from_millis(700);

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
    /// The last answer is known to be wrong by now.
    doubted: Notify,
}

impl HealthProbe {
    /// A probe of `broker`, whose answers are the metrics `broker_healthy` and `broker_connected`
    /// of `layer`.
    pub fn new(layer: &PrometheusLayer, broker: Arc<dyn Broker>) -> Self {
        Self(Arc::new(Inner {
            broker,
            store: layer.store.clone(),
            last: Mutex::default(),
            doubted: Notify::new(),
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
        let health = match timeout(LIMIT, self.0.broker.health()).await {
            Ok(health) => health,
            Err(_) => Health::unhealthy(LIMIT, "the broker does not answer a health probe"),
        };
        store.set_health(health.status);
        store.set_connected(health.status != HealthStatus::Unhealthy);
        *last = Some((Instant::now(), health.clone()));
        health
    }

    /// The health as it can be told soon: a probe that takes its time is not waited for.
    #[cfg(feature = "http")]
    pub(crate) async fn soon(&self) -> Health {
        match timeout(SOON, self.health()).await {
            Ok(health) => health,
            Err(_) => Health::unhealthy(SOON, "the broker has not answered a health probe yet"),
        }
    }

    /// The broker has answered somebody else, or has not: where the last answer says otherwise, it is
    /// asked for anew.
    pub(crate) fn hear(&self, answers: bool) {
        // Under way, it is new.
        let Ok(mut last) = self.0.last.try_lock() else {
            return;
        };
        let says = last.as_ref().map(|(_, health)| health.status);
        if says.is_some_and(|status| (status != HealthStatus::Unhealthy) != answers) {
            *last = None;
            self.0.doubted.notify_one();
        }
    }

    /// Waits until the last answer is as old as it may be, or known to be wrong.
    pub(crate) async fn grows_old(&self) {
        let rest = self.0.store.options.health_interval;
        tokio::select! {
            () = sleep(rest.max(Duration::from_millis(100))) => {}
            () = self.0.doubted.notified() => {}
        }
    }
}
