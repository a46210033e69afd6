//! How many workers a group has, by what there is to do.

mod measure;
mod policy;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::Broker;
use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::measure::Measure;
pub use self::policy::{ScaleLook, ScalePolicy, ScaleState};
use crate::PrometheusLayer;
use crate::store::GroupKey;

/// Sets how many workers of this process handle a group's messages, by how far the group is
/// behind, how fast messages come, and how long one takes. Dropping it ends it, and the number
/// stays as it is.
///
/// # Behavior
/// - What is needed is what comes in a second times what one message takes, with a quarter more for
///   bursts, and beside it what drains the backlog within the target; see [`ScalePolicy`].
/// - More workers are set at once; fewer when several looks in a row have asked for fewer.
/// - Time in handlers is measured by the layer, of [`Consumer`](glmsg_broker::Consumer)s above it.
///   Until a message was handled, nothing is known, and the number stays at its least.
/// - A look that fails changes nothing. So does a number that was not taken: it is set again.
/// - `glmsg_workers` is what is set, `glmsg_workers_wanted` what the load asks for.
/// - It counts for this process. Where several share the group, what the others have done does not
///   look like work to be done, but all see the same backlog: let a scaler of processes, such as
///   KEDA, take care of those.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// use glmsg_broker::{Broker, Consumer, Incoming, Layer};
/// use glmsg_metrics::prometheus_client::registry::Registry;
/// use glmsg_metrics::{Options, PrometheusLayer, Scaler};
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let broker: Arc<dyn Broker> = Arc::new(glmsg_memory::MemoryBroker::default());
///
/// let mut registry = Registry::default();
/// let layer = PrometheusLayer::new(&mut registry, Options::default())?;
/// let broker = layer.layer(broker);
/// let consumer = Consumer::new(broker.clone(), "orders", "billing")
///     .workers(1)
///     .start(|_: Incoming| async { Ok(()) })
///     .await?;
/// let consumer = Arc::new(consumer);
///
/// let scaled = consumer.clone();
/// let scaler = Scaler::builder(&layer, broker, "orders", "billing")
///     .bounds(1..=32)
///     .target(Duration::from_secs(30))
///     .start(move |workers| scaled.set_workers(workers))?;
/// assert_eq!(consumer.stats().workers, 1);
/// # drop(scaler);
/// # Ok::<(), glmsg_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "dropping the scaler stops it"]
pub struct Scaler {
    task: JoinHandle<()>,
}

/// Sets up a [`Scaler`].
#[derive(Debug)]
#[must_use = "a scaler does nothing until it is started"]
pub struct ScalerBuilder {
    layer: PrometheusLayer,
    broker: Arc<dyn Broker>,
    group: Result<GroupKey>,
    policy: ScalePolicy,
    interval: Duration,
}

impl Scaler {
    /// A scaler of `group` on `topic`; names that are not valid are reported by
    /// [`start`](ScalerBuilder::start).
    pub fn builder<T, G>(
        layer: &PrometheusLayer,
        broker: Arc<dyn Broker>,
        topic: T,
        group: G,
    ) -> ScalerBuilder
    where
        T: TryInto<TopicName>,
        G: TryInto<GroupName>,
        Error: From<T::Error> + From<G::Error>,
    {
        let names = || Ok((topic.try_into()?, group.try_into()?));
        ScalerBuilder {
            layer: layer.clone(),
            broker,
            group: names(),
            policy: ScalePolicy::default(),
            interval: Duration::from_secs(5),
        }
    }
}

impl Drop for Scaler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScalerBuilder {
    /// The fewest and the most workers, within 1 to 10 000. Default: 1 to 32.
    pub fn bounds(mut self, bounds: RangeInclusive<usize>) -> Self {
        (self.policy.min, self.policy.max) = bounds.into_inner();
        self
    }

    /// How long a backlog may take to be worked off. Default: 30 s.
    pub fn target(mut self, target: Duration) -> Self {
        self.policy.target = target;
        self
    }

    /// How many looks in a row must ask for fewer workers before there are fewer. Default: 6.
    pub fn down_after(mut self, looks: u32) -> Self {
        self.policy.down_after = looks;
        self
    }

    /// The least change, but for one to the least or the most workers. Default: 1.
    pub fn min_step(mut self, workers: usize) -> Self {
        self.policy.min_step = workers;
        self
    }

    /// How often to look. Default: 5 s, at least 100 ms.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets the least number of workers by `apply`, and from then on what each look decides.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is not valid, from [`ScalePolicy::check`], or for an
    /// interval below 100 ms; and what `apply` says to the first number.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(
        self,
        mut apply: impl FnMut(usize) -> Result<()> + Send + 'static,
    ) -> Result<Scaler> {
        let group = self.group?;
        self.policy.check()?;
        if self.interval < Duration::from_millis(100) {
            let what = "a scaler's interval must be 100 ms at least";
            let got = format!("{:?}", self.interval);
            return Err(Error::new(ErrorKind::InvalidArgument, what)
                .operation("scale")
                .with("got", got));
        }
        let (policy, store) = (self.policy, self.layer.store);
        let mut state = ScaleState::new(&policy);
        apply(state.workers())?;
        store.set_workers(&group, state.workers() as u64, state.workers() as u64);
        let mut measure = Measure::new(self.broker, store.groups.get(&group), group.clone());
        let mut beat = interval(self.interval);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let task = tokio::spawn(async move {
            loop {
                beat.tick().await;
                let look = match measure.look(Instant::now(), state.workers()).await {
                    Ok(Some(look)) => look,
                    Ok(None) => continue,
                    Err(error) => {
                        tracing::debug!(%error, "could not look how many workers are needed");
                        continue;
                    }
                };
                let before = state;
                let workers = policy.decide(&mut state, &look);
                let wanted = policy.wanted(&look);
                if workers != before.workers() {
                    let (topic, group) = &group;
                    let (from, to) = (before.workers(), workers);
                    tracing::info!(%topic, %group, from, to, wanted, "workers scaled");
                    if let Err(error) = apply(workers) {
                        tracing::warn!(%error, "workers could not be scaled");
                        state = before;
                    }
                }
                store.set_workers(&group, state.workers() as u64, wanted);
            }
        });
        Ok(Scaler { task })
    }
}
