//! The Kafka backend's fixtures.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Capability, Durability};
use glmsg_conformance::Fixture;
use glmsg_core::{MessageId, TopicName};
use glmsg_faults::services;
use glmsg_kafka::{KafkaBroker, KafkaConfig};

/// A namespace of its own on a cluster that is up. Its topics go away with it.
#[derive(Debug)]
struct Namespace(String);

impl Namespace {
    fn on(service: &str, settings: &str) -> Self {
        let id = MessageId::new().to_string();
        Self(format!(
            "{service}?namespace=t-{id}&session_timeout_ms=6000&{settings}"
        ))
    }

    async fn open(&self) -> KafkaBroker {
        let config = KafkaConfig::from_url(&self.0).expect("the service's URL is one of ours");
        KafkaBroker::open(config)
            .await
            .unwrap_or_else(|e| panic!("{e}; run `cargo xtask services up`"))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let url = self.0.clone();
        // A thread of its own: the case's runtime may be ending.
        let wiping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(async {
                let config = KafkaConfig::from_url(&url).expect("it was parsed before");
                if let Ok(broker) = KafkaBroker::open(config).await {
                    let _ = broker.wipe().await;
                }
            });
        });
        let _ = wiping.join();
    }
}

macro_rules! fixture {
    ($(#[$doc:meta])* $name:ident, $service:literal, $settings:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Namespace);

        impl $name {
            /// How another process names the store.
            pub fn url(&self) -> String {
                self.0.0.clone()
            }
        }

        impl Fixture for $name {
            fn capability() -> Capability {
                let mut all = Capability::all(Durability::Local);
                all.idempotent_publish = false;
                all.retention = false;
                all.members = false;
                all.frames = false;
                all.live = false;
                all
            }

            async fn new() -> Self {
                Self(Namespace::on(&services::get($service), $settings))
            }

            async fn broker(&self) -> Arc<dyn Broker> {
                Arc::new(self.0.open().await)
            }

            async fn pass(&self, by: Duration) {
                tokio::time::sleep(by).await;
            }

            /// A client waits for a group to settle, and a retry for two writes.
            fn soon() -> Duration {
                Duration::from_millis(500)
            }

            fn has_manual_clock() -> bool {
                false
            }

            fn can_reopen() -> bool {
                true
            }

            async fn reopen(&self) -> Arc<dyn Broker> {
                self.broker().await
            }

            async fn inject_raw(&self, topic: &TopicName, bytes: &[u8]) -> bool {
                let broker = self.0.open().await;
                broker.inject(topic, bytes).await.expect("it is stored");
                true
            }
        }
    };
}

fixture!(
    /// Kafka with one broker. Its topics have one partition, so that they keep one order.
    Kafka,
    "KAFKA_URL",
    "partitions=1"
);
fixture!(
    /// Kafka with one broker, and topics of four partitions.
    KafkaPartitions,
    "KAFKA_URL",
    "partitions=4"
);
fixture!(
    /// Kafka with three brokers that keep three copies, as in production. Its topics have one
    /// partition.
    Kafka3,
    "KAFKA3_URL",
    "partitions=1&replication=3&min_insync=2&profile=production"
);
fixture!(
    /// Kafka with three brokers that keep three copies, as in production, and topics of four
    /// partitions.
    Kafka3Partitions,
    "KAFKA3_URL",
    "partitions=4&replication=3&min_insync=2&profile=production"
);
