//! Looking after a broker in the background.

mod look;
mod turns;

use std::sync::Arc;

use glmsg_broker::Broker;
use glmsg_core::Result;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use self::look::{Look, Seen};
use crate::store::{LagTable, Store};
use crate::{HealthProbe, PrometheusLayer};

/// Looks after a broker in the background: how far groups are behind, each
/// [`lag_interval`](crate::Options::lag_interval), and how it is, each
/// [`health_interval`](crate::Options::health_interval). A scrape shows what was seen last, and
/// costs the broker nothing. Dropping it ends it and takes its groups away.
///
/// # Behavior
/// - A group that is deleted is gone from the metrics after the next look.
/// - A group that gives no answer keeps its last good numbers and counts in
///   `consumer_lag_errors_total`; the look goes on with the others, and asks for this one last from
///   then on. So it is with a topic that does not tell its groups: those that are known are asked.
/// - A look in which anything failed counts in `lag_poll_errors_total`. If the broker answered
///   nothing at all, `broker_connected` is 0 until it answers again; where it answered a part, that is
///   left to the probe of the health.
/// - A look ends after three minutes and a half at the latest; what it has not reached is first in the
///   next.
///
/// ```
/// # use std::sync::Arc;
/// use glmsg_broker::{Broker, GroupConfig, Layer};
/// use glmsg_metrics::prometheus_client::registry::Registry;
/// use glmsg_metrics::{Format, Monitor, Options, PrometheusLayer, exposition};
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let broker: Arc<dyn Broker> = Arc::new(glmsg_memory::MemoryBroker::default());
///
/// let mut registry = Registry::default();
/// let layer = PrometheusLayer::new(&mut registry, Options::default())?;
/// let broker = layer.layer(broker);
/// let monitor = Monitor::start(&layer, broker.clone());
///
/// let (topic, group) = ("orders".try_into()?, "billing".try_into()?);
/// broker.create_group(&topic, &group, &GroupConfig::default()).await?;
/// monitor.look().await?;
/// let text = exposition(&registry, Format::Text)?;
/// assert!(text.contains("consumer_lag_messages{topic=\"orders\",group=\"billing\"} 0"));
/// # Ok::<(), glmsg_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "dropping the monitor stops it"]
pub struct Monitor {
    eye: Arc<Eye>,
    health: HealthProbe,
    task: JoinHandle<()>,
}

/// What looks at the groups.
#[derive(Debug)]
struct Eye {
    broker: Arc<dyn Broker>,
    health: HealthProbe,
    store: Arc<Store>,
    watcher: u64,
    /// One look at a time: the last to begin is the last to tell.
    seen: Mutex<Seen>,
}

impl Monitor {
    /// Begins to look after `broker`, for the metrics of `layer`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(layer: &PrometheusLayer, broker: Arc<dyn Broker>) -> Self {
        let health = HealthProbe::new(layer, broker.clone());
        let eye = Arc::new(Eye {
            broker,
            health: health.clone(),
            store: layer.store.clone(),
            watcher: layer.store.new_watcher(),
            seen: Mutex::default(),
        });
        let task = tokio::spawn(watch(eye.clone(), health.clone()));
        Self { eye, health, task }
    }

    /// The health, for a [`MetricsServer`](crate::MetricsServer) or for yourself.
    pub fn health(&self) -> HealthProbe {
        self.health.clone()
    }

    /// Looks at the groups now, and returns when the metrics show them.
    ///
    /// # Cancel safety
    /// Dropping the future gives the look up; the metrics show what was answered until then, or before.
    ///
    /// # Errors
    /// The first of what was not answered; it is counted as any other look that fails. What was answered
    /// is shown.
    pub async fn look(&self) -> Result<()> {
        self.eye.look().await
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.task.abort();
        self.eye.store.forget_watcher(self.eye.watcher);
    }
}

async fn watch(eye: Arc<Eye>, health: HealthProbe) {
    let beat = |every| {
        let mut beat = interval(every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat
    };
    let options = &eye.store.options;
    let mut lag = beat(options.lag_interval);
    let looking = async {
        loop {
            lag.tick().await;
            if let Err(error) = eye.look().await {
                tracing::debug!(%error, "could not look how far groups are behind");
            }
        }
    };
    let probing = async {
        loop {
            health.health().await;
            // From its answer on: sooner, the next would only be given the same answer again.
            health.grows_old().await;
        }
    };
    // Side by side: a broker that hangs in the one is told by the other.
    tokio::join!(looking, probing);
}

impl Eye {
    async fn look(&self) -> Result<()> {
        let mut seen = self.seen.lock().await;
        let show = |table: &_| self.store.set_lag(self.watcher, LagTable::clone(table));
        let look = Look::begin(self.broker.as_ref(), &self.store);
        let outcome = look.run(&mut seen, show).await;
        if let Some(is_answering) = outcome.is_answering {
            self.store.set_connected(is_answering);
            self.health.hear(is_answering);
        }
        match outcome.failure {
            None => Ok(()),
            Some(error) => {
                self.store.lag_poll_errors.add(1);
                Err(error)
            }
        }
    }
}
