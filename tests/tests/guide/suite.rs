//! The conformance suite on this backend.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Backend, Broker, Capability};
use glmsg_conformance::Fixture;
use glmsg_core::TopicName;
use glmsg_shelf::ShelfBroker;

struct Shelf(Arc<ShelfBroker>);

impl Fixture for Shelf {
    fn capability() -> Capability {
        Backend::capability(&ShelfBroker::default())
    }

    async fn new() -> Self {
        Self(Arc::default())
    }

    async fn broker(&self) -> Arc<dyn Broker> {
        self.0.clone()
    }

    async fn pass(&self, by: Duration) {
        // Its clock is the machine's.
        tokio::time::sleep(by).await;
    }

    fn has_manual_clock() -> bool {
        false
    }

    fn can_reopen() -> bool {
        // It is `Volatile`.
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

glmsg_conformance::suite!(Shelf; delivery, batch, ordering, groups, redelivery, lease, retry,
    dead_letter, limits, shutdown, consumer, health);
