//! The Redis backend's fixtures, one for each kind of server.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Capability, Durability};
use glmsg_conformance::Fixture;
use glmsg_core::{MessageId, TopicName};
use glmsg_faults::services;
use glmsg_redis::{RedisBroker, RedisConfig};

/// A namespace of its own on a server that is up.
#[derive(Debug)]
struct Namespace(String);

impl Namespace {
    fn on(service: &str) -> Self {
        let mark = if service.contains('?') { '&' } else { '?' };
        Self(format!("{service}{mark}namespace=t-{}", MessageId::new()))
    }

    async fn open(&self) -> RedisBroker {
        let config = RedisConfig::from_url(&self.0).expect("the service's URL is one of ours");
        RedisBroker::open(config)
            .await
            .unwrap_or_else(|e| panic!("{e}; run `cargo xtask services up`"))
    }
}

macro_rules! fixture {
    ($(#[$doc:meta])* $name:ident, $url:expr) => {
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
                Capability::all(Durability::Local)
            }

            async fn new() -> Self {
                Self(Namespace::on(&$url))
            }

            async fn broker(&self) -> Arc<dyn Broker> {
                Arc::new(self.0.open().await)
            }

            async fn pass(&self, by: Duration) {
                tokio::time::sleep(by).await;
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
    /// Redis 7.
    Redis7,
    services::get("REDIS7_URL")
);
fixture!(
    /// Redis 7, with topics that store messages in frames unless they are created without.
    Redis7Framed,
    format!("{}?frames=7", services::get("REDIS7_URL"))
);
fixture!(
    /// Redis 8.
    Redis8,
    services::get("REDIS8_URL")
);
fixture!(
    /// Valkey 9.
    Valkey9,
    services::get("VALKEY9_URL")
);
fixture!(
    /// Redis 7 under Sentinel.
    Sentinel,
    services::get("SENTINEL_URL")
);
fixture!(
    /// A Redis 7 Cluster.
    Cluster,
    services::get("CLUSTER_URL")
);
fixture!(
    /// Redis 7 behind TLS that asks for certificates.
    Tls,
    tls_url()
);

fn tls_url() -> String {
    let (url, dir) = (services::get("TLS_URL"), services::get("TLS_DIR"));
    format!("{url}?ca={dir}/ca.pem&cert={dir}/client.pem&key={dir}/client.key")
}
