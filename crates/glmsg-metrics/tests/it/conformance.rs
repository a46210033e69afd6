//! The suite on a broker below the layer: what a broker promises, it still promises.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Backend, Broker, Capability, Layer};
use glmsg_conformance::Fixture;
use glmsg_core::{ManualClock, Timestamp, TopicName};
use glmsg_memory::{MemoryBroker, MemoryConfig};

use crate::layered::layered;

/// 2026-01-01T00:00:00Z.
const BEGINNING: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// A memory broker below the layer, whose clock is moved by hand.
struct Layered {
    broker: Arc<dyn Broker>,
    clock: ManualClock,
}

impl Fixture for Layered {
    fn capability() -> Capability {
        Backend::capability(&MemoryBroker::default())
    }

    async fn new() -> Self {
        let clock = ManualClock::new(BEGINNING);
        let memory = MemoryBroker::new(MemoryConfig::default().clock(clock.clone()));
        let (layer, _) = layered();
        Self {
            broker: layer.layer(Arc::new(memory)),
            clock,
        }
    }

    async fn broker(&self) -> Arc<dyn Broker> {
        self.broker.clone()
    }

    async fn pass(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn has_manual_clock() -> bool {
        true
    }

    fn can_reopen() -> bool {
        false
    }

    async fn reopen(&self) -> Arc<dyn Broker> {
        self.broker().await
    }

    async fn inject_raw(&self, _topic: &TopicName, _bytes: &[u8]) -> bool {
        false
    }
}

glmsg_conformance::suite!(Layered; delivery, batch, ordering, groups, redelivery, lease, retry, ttl,
    priority, dead_letter, replay, retention, idempotence, limits, shutdown, reconnect, consumer,
    health, frames, live, storage);
