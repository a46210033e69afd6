//! The worker process of the process-level cases.

use std::process::ExitCode;
use std::sync::Arc;

use glmsg_broker::Broker;
use glmsg_conformance::{Plan, run_worker};
use glmsg_kafka::{KafkaBroker, KafkaConfig};
use glmsg_redis::{RedisBroker, RedisConfig};
use glmsg_sqlite::{SqliteBroker, SqliteConfig};

/// Does what the arguments say; see [`Plan`].
///
/// # Panics
/// If the store cannot be opened.
pub fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let plan = Plan::from_args();
        let broker = open(&plan.url).await;
        run_worker(plan, broker).await
    })
}

/// The broker at this URL.
///
/// # Panics
/// If it cannot be opened.
pub async fn open(url: &str) -> Arc<dyn Broker> {
    if url.starts_with("sqlite:") {
        let config = SqliteConfig::from_url(url).expect("a valid URL");
        return Arc::new(SqliteBroker::open(config).await.expect("the store opens"));
    }
    if url.starts_with("kafka:") {
        let config = KafkaConfig::from_url(url).expect("a valid URL");
        return Arc::new(
            KafkaBroker::open(config)
                .await
                .expect("the cluster answers"),
        );
    }
    let config = RedisConfig::from_url(url).expect("a valid URL");
    Arc::new(RedisBroker::open(config).await.expect("the server answers"))
}
