//! A layer with its registry, and what it shows.

use std::sync::Arc;

use glmsg_broker::{Broker, Layer};
use glmsg_memory::MemoryBroker;
use glmsg_metrics::prometheus_client::registry::Registry;
use glmsg_metrics::{Format, Options, PrometheusLayer, exposition};

use crate::text::Samples;

/// A layer, and the registry that exposes it.
pub(crate) fn layered() -> (PrometheusLayer, Registry) {
    layered_with(Options::default())
}

pub(crate) fn layered_with(options: Options) -> (PrometheusLayer, Registry) {
    let mut registry = Registry::default();
    let layer = PrometheusLayer::new(&mut registry, options).expect("valid options");
    (layer, registry)
}

/// A memory broker below `layer`.
pub(crate) fn memory(layer: &PrometheusLayer) -> Arc<dyn Broker> {
    layer.layer(Arc::new(MemoryBroker::default()))
}

/// What a scrape would find.
pub(crate) fn scraped(registry: &Registry) -> Samples {
    Samples::parse(&exposition(registry, Format::Text).expect("it can be written"))
}
