//! The layer that counts for Prometheus.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use glmsg_broker::{Broker, Layer, MetricsLayer};
use glmsg_core::Result;
use prometheus_client::registry::Registry;

use crate::collector::StoreCollector;
use crate::measured::Measured;
use crate::store::Store;
use crate::{BreakerGauge, BreakerState, Options};

/// Counts what goes through a broker for Prometheus, by topic and group. A clone counts into the
/// same metrics.
///
/// # Behavior
/// - Every call is passed on, and every answer is passed back as it is.
/// - A message is counted when the broker has answered: `messages_acked_total` are acks that it
///   has confirmed. A publish of which nobody knows whether it worked is refused as
///   `indeterminate`, and an ack is not counted; if they are tried again, the broker then says
///   `Duplicate` or `Stale`, and that is. Nor is a call counted that is given up by dropping it.
/// - Counters are of this process, since the layer was made. How far groups are behind is of the
///   broker, and is looked for by a [`Monitor`](crate::Monitor).
/// - One layer registers once. A second one on the same registry would expose the same names twice,
///   which Prometheus refuses: give it a
///   [sub-registry](Registry::sub_registry_with_label) with a label of its own.
/// - It counts for every consumer too how long handlers run. A broker that keeps no
///   [`BrokerMetrics`](glmsg_broker::BrokerMetrics) of its own is given them.
///
/// ```
/// use glmsg_broker::Layer;
/// use glmsg_metrics::{Format, Options, PrometheusLayer, exposition};
/// use glmsg_metrics::prometheus_client::registry::Registry;
/// # use std::sync::Arc;
/// # use glmsg_broker::Broker;
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let broker: Arc<dyn Broker> = Arc::new(glmsg_memory::MemoryBroker::default());
///
/// let mut registry = Registry::default();
/// let layer = PrometheusLayer::new(&mut registry, Options::default())?;
/// let broker = layer.layer(broker);
///
/// let message = glmsg_core::Message::builder("orders").payload("one").build()?;
/// broker.publish(&[message]).await?;
/// let text = exposition(&registry, Format::Text)?;
/// assert!(text.contains("messages_published_total{topic=\"orders\"} 1\n"));
/// # Ok::<(), glmsg_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct PrometheusLayer {
    pub(crate) store: Arc<Store>,
}

impl PrometheusLayer {
    /// A layer whose metrics `registry` exposes.
    ///
    /// # Errors
    /// `ConfigInvalid` from [`Options::check`].
    pub fn new(registry: &mut Registry, options: Options) -> Result<Self> {
        options.check()?;
        let store = Arc::new(Store::new(options)?);
        registry.register_collector(Box::new(StoreCollector(store.clone())));
        Ok(Self { store })
    }

    /// The gauge of a circuit breaker, closed at first. See [`BreakerGauge`].
    pub fn breaker(&self, name: &str) -> BreakerGauge {
        let gauge = BreakerGauge {
            state: self.store.breakers.get(&name.to_owned()),
        };
        gauge.state.store(BreakerState::Closed as u64, Relaxed);
        gauge
    }
}

impl Layer for PrometheusLayer {
    fn layer(&self, inner: Arc<dyn Broker>) -> Arc<dyn Broker> {
        // Consumers record how long handlers ran where a broker keeps metrics.
        let inner = match inner.metrics() {
            Some(_) => inner,
            None => MetricsLayer::new().layer(inner),
        };
        Arc::new(Measured::new(inner, self.store.clone()))
    }
}
