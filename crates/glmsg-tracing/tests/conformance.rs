//! A broker under the layer is as good as without: the suite, on the memory backend.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Backend, Broker, Capability, Layer};
use glmsg_conformance::Fixture;
use glmsg_core::{ManualClock, Timestamp, TopicName};
use glmsg_memory::{MemoryBroker, MemoryConfig};
use glmsg_tracing::TracingLayer;

/// A memory broker under the layer, whose clock is moved by hand.
struct Traced {
    broker: Arc<dyn Broker>,
    clock: ManualClock,
}

impl Fixture for Traced {
    fn capability() -> Capability {
        Backend::capability(&MemoryBroker::default())
    }

    async fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_micros(1_767_225_600_000_000));
        let config = MemoryConfig::default().clock(clock.clone());
        let broker = TracingLayer::new()
            .log_messages(true)
            .layer(Arc::new(MemoryBroker::new(config)));
        Self { broker, clock }
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

glmsg_conformance::suite!(Traced; delivery, batch, ordering, groups, redelivery, lease, retry, ttl,
    priority, dead_letter, replay, retention, idempotence, limits, shutdown, reconnect, consumer,
    health, frames, live, storage);
