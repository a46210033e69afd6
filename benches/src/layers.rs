//! The layers whose cost is measured, and what each is put around a broker with.

use std::sync::Arc;

use glmsg::metrics::prometheus_client::registry::Registry;
use glmsg::metrics::{Options, PrometheusLayer};
use glmsg::tracing::TracingLayer;
use glmsg::{Broker, Layer};

use crate::Outcome;

/// Puts a layer around a broker.
type Around = fn(Arc<dyn Broker>) -> Outcome<Arc<dyn Broker>>;

/// All layers that observe, the innermost first: one that is added here is measured.
const LAYERS: &[Around] = &[prometheus, tracing];

/// The broker with all of them.
pub(crate) fn with_all(broker: Arc<dyn Broker>) -> Outcome<Arc<dyn Broker>> {
    LAYERS
        .iter()
        .try_fold(broker, |broker, around| around(broker))
}

fn prometheus(broker: Arc<dyn Broker>) -> Outcome<Arc<dyn Broker>> {
    let layer = PrometheusLayer::new(&mut Registry::default(), Options::default())?;
    Ok(layer.layer(broker))
}

/// As in a program that writes no such lines and exports nothing.
fn tracing(broker: Arc<dyn Broker>) -> Outcome<Arc<dyn Broker>> {
    Ok(TracingLayer::new().layer(broker))
}
