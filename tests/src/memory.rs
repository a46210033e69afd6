//! The memory backend's fixtures: one whose clock is moved by hand, one whose clock runs.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Backend, Broker, Capability};
use glmsg_conformance::Fixture;
use glmsg_core::{ManualClock, Timestamp, TopicName};
use glmsg_memory::{MemoryBroker, MemoryConfig};

/// 2026-01-01T00:00:00Z, when the tests' clocks begin.
pub const BEGINNING: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// A memory broker whose clock runs.
#[derive(Debug)]
pub struct Memory(Arc<MemoryBroker>);

impl Fixture for Memory {
    fn capability() -> Capability {
        Backend::capability(&MemoryBroker::default())
    }

    async fn new() -> Self {
        Self(Arc::default())
    }

    async fn broker(&self) -> Arc<dyn Broker> {
        self.0.clone()
    }

    async fn pass(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    fn has_manual_clock() -> bool {
        false
    }

    fn can_reopen() -> bool {
        false
    }

    async fn reopen(&self) -> Arc<dyn Broker> {
        self.broker().await
    }

    async fn inject_raw(&self, _topic: &TopicName, _bytes: &[u8]) -> bool {
        // It keeps messages, not bytes.
        false
    }
}

/// A memory broker whose clock is moved by hand.
#[derive(Debug)]
pub struct MemoryByHand {
    broker: Arc<MemoryBroker>,
    clock: ManualClock,
}

impl Fixture for MemoryByHand {
    fn capability() -> Capability {
        Memory::capability()
    }

    async fn new() -> Self {
        let clock = ManualClock::new(BEGINNING);
        let config = MemoryConfig::default().clock(clock.clone());
        Self {
            broker: Arc::new(MemoryBroker::new(config)),
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
