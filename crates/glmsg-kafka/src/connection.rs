//! The clients that a broker holds, and how it asks the cluster.

mod apart;
mod askers;
mod metadata;
mod offsets;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use glmsg_core::{Error, ErrorKind, Result};
use glmsg_kafka_wire::Cluster;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::error::RDKafkaErrorCode;

pub(crate) use self::apart::apart;
pub(crate) use self::askers::{ask_again, close, close_later};
pub(crate) use self::metadata::{SETTLING, Topics, partitions};
pub(crate) use self::offsets::{Committed, Place, committed, ends, list};
use crate::KafkaConfig;
use crate::error::{from_code, from_kafka};
use crate::producer::Producer;

/// How much longer than its session a member may be waited for that left without a word.
const LETTING_GO: Duration = Duration::from_secs(2);

/// The clients of a broker.
pub(crate) struct Link {
    config: KafkaConfig,
    /// The own client, by which messages go.
    pub(crate) wire: Arc<Cluster>,
    pub(crate) producer: Producer,
    admin: AdminClient<DefaultClientContext>,
    asker: askers::Asker,
    /// As many as were there when the cluster was asked last.
    brokers: AtomicUsize,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// A topic of Kafka's that is to be made.
#[derive(Debug)]
pub(crate) struct ToMake<'a> {
    pub(crate) name: &'a str,
    pub(crate) partitions: i32,
    pub(crate) keep: Duration,
}

impl Link {
    pub(crate) fn new(config: KafkaConfig) -> Result<Self> {
        let admin = config.client()?.create();
        let wire = Cluster::new(config.endpoint()?);
        Ok(Self {
            producer: Producer::new(Arc::clone(&wire), &config),
            wire,
            admin: admin.map_err(|e| from_kafka(&e, false))?,
            asker: askers::Asker::default(),
            brokers: AtomicUsize::new(1),
            config,
        })
    }

    pub(crate) fn config(&self) -> &KafkaConfig {
        &self.config
    }

    pub(crate) fn admin(&self) -> &AdminClient<DefaultClientContext> {
        &self.admin
    }

    /// The library's client, for what it can be asked.
    pub(crate) fn client(&self) -> &Client<DefaultClientContext> {
        self.admin.inner()
    }

    pub(crate) fn options(&self) -> AdminOptions {
        let timeout = Some(self.config.timeout);
        AdminOptions::new()
            .request_timeout(timeout)
            .operation_timeout(timeout)
    }

    /// Makes topics. Returns whether each is new: others may have made it before.
    pub(crate) async fn make(&self, topics: &[ToMake<'_>]) -> Result<Vec<bool>> {
        let keep: Vec<String> = topics.iter().map(|t| millis(t.keep)).collect();
        let most = self.config.max_record().to_string();
        let insync = self.config.min_insync.map(|n| n.to_string());
        let wanted: Vec<NewTopic<'_>> = topics
            .iter()
            .zip(&keep)
            .map(|(topic, keep)| {
                let replication = TopicReplication::Fixed(self.config.replication_factor());
                let new = NewTopic::new(topic.name, topic.partitions, replication)
                    .set("retention.ms", keep)
                    .set("max.message.bytes", &most)
                    .set("message.timestamp.type", "LogAppendTime");
                match &insync {
                    Some(insync) => new.set("min.insync.replicas", insync),
                    None => new,
                }
            })
            .collect();
        let made = self.admin.create_topics(&wanted, &self.options()).await;
        let made = made.map_err(|e| from_kafka(&e, true))?;
        let each = made.into_iter().map(|one| match one {
            Ok(_) => Ok(true),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(false),
            Err((name, code)) => Err(from_code(code, true).with("name", name)),
        });
        each.collect()
    }

    /// Deletes topics. Returns whether there was any.
    pub(crate) async fn delete(self: &Arc<Self>, names: &[&str]) -> Result<bool> {
        if names.is_empty() {
            return Ok(false);
        }
        let gone = self.admin.delete_topics(names, &self.options()).await;
        let mut was_any = false;
        for one in gone.map_err(|e| from_kafka(&e, true))? {
            match one {
                Ok(_) => was_any = true,
                Err((
                    _,
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
                )) => {}
                Err((name, code)) => return Err(from_code(code, true).with("name", name)),
            }
        }
        if was_any {
            self.await_gone(names).await?;
        }
        Ok(was_any)
    }

    /// Forgets what groups have committed: one that is made again under a name would begin there. The cluster
    /// forgets none that has members, so those are waited for: they leave as they hear that their topics are
    /// gone, or are let go when their session is over. A member that is closed while it joins is such a one.
    pub(crate) async fn forget_groups(&self, ids: &[&str]) {
        let until = Instant::now() + self.config.session_timeout + LETTING_GO;
        let mut left: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let mut pause = Duration::from_millis(20);
        while !left.is_empty() {
            let asked: Vec<&str> = left.iter().map(String::as_str).collect();
            let each = match self.admin.delete_groups(&asked, &self.options()).await {
                Ok(each) => each,
                Err(error) => return tracing::debug!(%error, "groups could not be deleted"),
            };
            let has_members = |one| match one {
                Err((id, RDKafkaErrorCode::NonEmptyGroup)) => Some(id),
                _ => None,
            };
            left = each.into_iter().filter_map(has_members).collect();
            if left.is_empty() {
                return;
            }
            if Instant::now() > until {
                return tracing::debug!(?left, "groups that were deleted have members still");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

/// Runs what blocks, apart from the runtime's threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(Error::new(
            ErrorKind::Unexpected,
            "a call of the Kafka client did not end",
        )),
    }
}
