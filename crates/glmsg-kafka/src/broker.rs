//! The broker: what it holds, and how it is opened.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName};
use tokio::sync::watch;

use crate::KafkaConfig;
use crate::cluster::Cluster;
use crate::producer::Record;

/// A broker that keeps its messages on a Kafka cluster.
pub struct KafkaBroker {
    pub(crate) shared: Arc<Shared>,
}

impl fmt::Debug for KafkaBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaBroker")
            .field("config", self.shared.link.config())
            .finish_non_exhaustive()
    }
}

/// What the broker, its sources and their settlers share.
pub(crate) struct Shared {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) closed: watch::Sender<bool>,
}

impl Deref for Shared {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl KafkaBroker {
    /// Connects.
    ///
    /// # Errors
    /// `ConfigInvalid` for settings that do not go together, `PermissionDenied` for refused
    /// credentials, `Unavailable` if no broker answers.
    pub async fn open(config: KafkaConfig) -> Result<Self> {
        let opened = Cluster::open(config).await;
        let shared = Shared {
            cluster: opened.map_err(|e| e.operation("open"))?,
            closed: watch::Sender::new(false),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Stores bytes that are no message, as another program could: for tests.
    #[doc(hidden)]
    pub async fn inject(&self, topic: &TopicName, bytes: &[u8]) -> Result<()> {
        let names = self.shared.ensure_topic(topic).await?;
        let mut headers = glmsg_kafka_wire::NewHeaders::new();
        // A record without it would be a message of somebody else's.
        headers.put(glmsg_core::binding::ID, Some(b"none"));
        let record = Record {
            topic: names.base(),
            partition: None,
            key: None,
            value: Some(bytes),
            headers: Some(&headers),
        };
        self.shared.link.producer.send_one(record).await
    }

    /// Deletes every topic of the namespace: for tests.
    #[doc(hidden)]
    pub async fn wipe(&self) -> Result<()> {
        let link = &self.shared.link;
        let prefix = format!("{}.", link.config().namespace);
        let all = link.all_topics().await?;
        let ours = all
            .keys()
            .map(String::as_str)
            .filter(|name| name.starts_with(&prefix));
        link.delete(&ours.collect::<Vec<_>>()).await.map(drop)
    }
}

impl Shared {
    pub(crate) fn check_open(&self) -> Result<()> {
        match *self.closed.borrow() {
            true => Err(closed()),
            false => Ok(()),
        }
    }

    /// Ends everything of this broker: what is done is committed, what was sent is reported.
    pub(crate) async fn end(&self) -> Result<()> {
        self.closed.send_replace(true);
        // What others of this process still use goes on.
        self.commit_all().await;
        self.link.producer.flush(self.link.config().timeout).await
    }
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the broker is closed")
}

pub(crate) fn no_topic(topic: &TopicName) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such topic").with("topic", topic)
}

pub(crate) fn no_group(topic: &TopicName, group: &GroupName) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such group")
        .with("topic", topic)
        .with("group", group)
}
