//! Looking after a broker in the background.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::Broker;
use glmsg_core::{Error, ErrorKind, Result};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::store::{GroupKey, LagTable, Store};
use crate::{HealthProbe, PrometheusLayer};

/// How long one answer of the broker may take. Not a look at all groups: where they are many, or one has very
/// many dead letters to count, it takes its time.
const LIMIT: Duration = Duration::from_secs(30);
/// After how many groups for which no answer came the others are left for the next look, which asks for these
/// last. One alone does not keep them from being seen.
const SILENCES: u32 = 2;

/// Looks after a broker in the background: how far groups are behind, each
/// [`lag_interval`](crate::Options::lag_interval), and how it is, each
/// [`health_interval`](crate::Options::health_interval). A scrape shows what was seen last, and
/// costs the broker nothing. Dropping it ends it and takes its groups away.
///
/// # Behavior
/// - A group that is deleted is gone from the metrics after the next look.
/// - A look that fails counts in `lag_poll_errors_total`, and the last good numbers stay. If it
///   failed because the broker does not answer, `broker_connected` is 0 until it answers again.
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

/// What the last look saw.
#[derive(Debug, Default)]
struct Seen {
    table: LagTable,
    /// For these no answer came.
    silent: BTreeSet<GroupKey>,
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
    /// Dropping the future gives the look up; the metrics stay as they were.
    ///
    /// # Errors
    /// What kept the broker from answering; it is counted as any other look that fails.
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

/// What the broker answers in its time.
async fn answer<T>(asked: impl Future<Output = Result<T>>) -> Result<T> {
    let answered = timeout(LIMIT, asked).await;
    answered.unwrap_or_else(|_| {
        let silent = Error::new(ErrorKind::Timeout, "the broker does not answer");
        Err(silent.operation("look at groups"))
    })
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
        match self.groups(&mut seen).await {
            Ok((table, failure)) => {
                seen.table.clone_from(&table);
                self.store.set_lag(self.watcher, table);
                match failure {
                    None => {
                        self.store.set_connected(true);
                        self.health.hear(true);
                    }
                    Some(error) => return Err(self.failed(error)),
                }
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: Error) -> Error {
        self.store.lag_poll_errors.add(1);
        // A user who may not see a group has a broker that answers.
        if error.is_transient() || error.kind() == ErrorKind::Closed {
            self.store.set_connected(false);
            self.health.hear(false);
        }
        error
    }

    /// How far the watched groups are behind, and the first error. A group that cannot be asked
    /// stays as it was; one that is no longer there goes.
    async fn groups(&self, seen: &mut Seen) -> Result<(LagTable, Option<Error>)> {
        let mut watched = match self.store.options.watched.is_empty() {
            true => self.all_groups().await?,
            false => self.store.options.watched.clone(),
        };
        seen.silent.retain(|key| watched.contains(key));
        watched.sort_by_key(|key| seen.silent.contains(key));
        let mut table = LagTable::new();
        let mut failure = None;
        let mut silences = 0;
        for key in watched {
            match answer(self.broker.lag(&key.0, &key.1)).await {
                Ok(lag) => {
                    seen.silent.remove(&key);
                    table.insert(key, lag);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    if let Some(lag) = seen.table.get(&key) {
                        table.insert(key.clone(), *lag);
                    }
                    if error.is_transient() {
                        silences += 1;
                        seen.silent.insert(key);
                    }
                    failure.get_or_insert(error);
                    if silences >= SILENCES {
                        // What does not answer for these is not asked for each of the others.
                        let kept = seen.table.iter().map(|(key, lag)| (key.clone(), *lag));
                        for (key, lag) in kept {
                            table.entry(key).or_insert(lag);
                        }
                        break;
                    }
                }
            }
        }
        Ok((table, failure))
    }

    async fn all_groups(&self) -> Result<Vec<GroupKey>> {
        let mut all = Vec::new();
        for topic in answer(self.broker.topic_names()).await? {
            match answer(self.broker.groups(&topic)).await {
                Ok(groups) => {
                    let names = groups.into_iter().map(|group| group.name);
                    all.extend(names.map(|name| (topic.clone(), name)));
                }
                // Deleted meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}
