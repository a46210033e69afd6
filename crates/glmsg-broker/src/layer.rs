//! Brokers around brokers.

use std::sync::Arc;

use crate::Broker;

/// Something that wraps a broker: metrics, tracing, encryption. Written once, it works over every
/// backend.
///
/// A layer's author writes a [`Backend`](crate::Backend) that holds the inner `Arc<dyn Broker>`
/// and passes calls on; [`BoxSource`](crate::BoxSource) can be its source type, or be wrapped too.
/// Layers stack; the one applied last sees a call first.
pub trait Layer {
    /// Wraps `inner`.
    fn layer(&self, inner: Arc<dyn Broker>) -> Arc<dyn Broker>;
}
