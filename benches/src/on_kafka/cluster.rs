//! The cluster that is measured on: it is up already, as a broker takes seconds to start.

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use glmsg::TopicConfig;
use glmsg::kafka::{KafkaBroker, KafkaConfig};

use crate::Outcome;
use crate::served::Served;

/// Partitions of each topic, the library's and the twins'.
pub(crate) const PARTITIONS: i32 = 4;

/// Where the cluster is.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    url: String,
    /// The broker's process, 0 where it is not known.
    pid: u32,
}

/// A part of the cluster that nothing else uses.
#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    name: String,
    pub(crate) served: Served,
}

impl Cluster {
    /// As the environment says.
    pub(crate) fn from_env() -> Outcome<Self> {
        let url = env::var("KAFKA_URL").map_err(|_| {
            "KAFKA_URL names no broker: run `cargo xtask bench --backend kafka`, which starts one"
        })?;
        let pid = env::var("KAFKA_PID").ok().and_then(|pid| pid.parse().ok());
        Ok(Self {
            url,
            pid: pid.unwrap_or(0),
        })
    }

    /// The addresses, as a client of Kafka's is told.
    pub(crate) fn servers(&self) -> Outcome<String> {
        let config = KafkaConfig::from_url(&self.url)?;
        let servers = config.servers.iter().map(ToString::to_string);
        Ok(servers.collect::<Vec<_>>().join(","))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// A new one.
    pub(crate) fn namespace(&self) -> Outcome<Namespace> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        let name = format!("b-{now}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let join = if self.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{join}namespace={name}&partitions={PARTITIONS}", self.url);
        Ok(Namespace {
            name,
            served: Served {
                url,
                pid: self.pid,
                bounds: TopicConfig::default(),
            },
        })
    }
}

impl Namespace {
    /// The name of a twin's topic in it.
    pub(crate) fn raw_topic(&self) -> String {
        format!("{}.raw", self.name)
    }

    /// Deletes its topics.
    pub(crate) async fn wipe(self) -> Outcome<()> {
        let broker = KafkaBroker::open(KafkaConfig::from_url(&self.served.url)?).await?;
        broker.wipe().await?;
        glmsg::Broker::close(&broker).await?;
        Ok(())
    }
}
