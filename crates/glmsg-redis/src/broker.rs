//! The broker: what it holds, how it is opened, and how it asks the server.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName};
use redis::{Cmd, Pipeline, Value};
use tokio::sync::{broadcast, watch};

use crate::RedisConfig;
use crate::connection::Link;
use crate::encode::{fine, list, next, text};
use crate::event::RedisEvent;
use crate::keys::{GroupKeys, GroupRow, TopicKeys, registry};
use crate::known::Known;
use crate::recent::{Recent, Watch};
use crate::recently_used::RecentlyUsed;
use crate::scripts::Scripts;

/// A broker that keeps its messages on a Redis or Valkey server, a Sentinel group or a Cluster.
pub struct RedisBroker {
    pub(crate) shared: Arc<Shared>,
}

impl fmt::Debug for RedisBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBroker")
            .field("config", self.shared.link.config())
            .finish_non_exhaustive()
    }
}

/// What the broker, its sources and their settlers share.
pub(crate) struct Shared {
    pub(crate) link: Link,
    pub(crate) scripts: Scripts,
    pub(crate) closed: watch::Sender<bool>,
    pub(crate) leaving: watch::Sender<usize>,
    pub(crate) events: broadcast::Sender<RedisEvent>,
    pub(crate) recent: Arc<Recent>,
    topics: Mutex<RecentlyUsed>,
    pub(crate) watch: Watch,
}

impl RedisBroker {
    /// Connects.
    ///
    /// # Errors
    /// `ConfigInvalid` for settings that do not go together and for a server that evicts keys,
    /// `PermissionDenied` for refused credentials, `Unavailable` if no server answers.
    pub async fn open(config: RedisConfig) -> Result<Self> {
        let scripts = Scripts::new();
        let link = Link::open(config, scripts.sources()).await?;
        let (recent, beginning) = (Arc::new(Recent::default()), link.all_lives().await?);
        let shared = Arc::new(Shared {
            link,
            scripts,
            closed: watch::Sender::new(false),
            leaving: watch::Sender::new(0),
            events: broadcast::Sender::new(64),
            watch: Watch::new(beginning),
            recent,
            topics: Mutex::default(),
        });
        shared.watch.keep(&shared);
        Ok(Self { shared })
    }

    /// Stores bytes that are no message, as another program could: for tests.
    #[doc(hidden)]
    pub async fn inject(&self, topic: &TopicName, bytes: &[u8]) -> Result<()> {
        self.shared.ensure_topic(topic).await?;
        let keys = self.shared.keys(topic);
        let mut add = redis::cmd("XADD");
        add.arg(keys.lane(1)).arg("*").arg("d").arg(bytes);
        self.shared.run(keys.slot, add).await.map(drop)
    }

    /// What happened to the data behind the broker's back, from now on.
    ///
    /// A listener that is more than 64 events behind is told by `Lagged` how many it has missed,
    /// and goes on. There are none through an `Arc<dyn Broker>`: take this before the broker
    /// becomes one.
    pub fn events(&self) -> broadcast::Receiver<RedisEvent> {
        self.shared.events.subscribe()
    }
}

impl Shared {
    pub(crate) fn check_open(&self) -> Result<()> {
        match *self.closed.borrow() {
            true => Err(closed()),
            false => Ok(()),
        }
    }

    pub(crate) fn keys(&self, topic: &TopicName) -> Arc<TopicKeys> {
        Arc::clone(&self.known(topic).keys)
    }

    pub(crate) fn known(&self, topic: &TopicName) -> Arc<Known> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.get(topic, || Known::new(&self.link.config().namespace, topic))
    }

    /// Runs one command.
    pub(crate) async fn run(&self, slot: u16, command: Cmd) -> Result<Value> {
        self.run_told(slot, command).await.map(|(value, _)| value)
    }

    /// The same, and whether it was sent more than once: an earlier try may have done it.
    pub(crate) async fn run_told(&self, slot: u16, command: Cmd) -> Result<(Value, bool)> {
        self.check_open()?;
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        let replies = self.link.send(slot, &pipeline).await?;
        let value = fine(next(&mut replies.values.into_iter())?)?;
        Ok((value, replies.was_resent))
    }

    /// A group as the server has it.
    pub(crate) async fn find_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
    ) -> Result<GroupKeys> {
        let keys = self.keys(topic);
        let mut find = redis::cmd("HGET");
        find.arg(keys.groups()).arg(group.as_str());
        let row = match self.run(keys.slot, find).await? {
            Value::Nil => None,
            row => GroupRow::parse(&text(row)?),
        };
        match row {
            Some(row) => Ok(GroupKeys::new(&keys, group, &row)),
            None => {
                self.check_topic(topic).await?;
                Err(no_group(topic, group))
            }
        }
    }

    async fn check_topic(&self, topic: &TopicName) -> Result<()> {
        let keys = self.keys(topic);
        let mut exists = redis::cmd("HEXISTS");
        exists.arg(&keys.all()[0]).arg("len");
        match self.run(keys.slot, exists).await? {
            Value::Int(1) => Ok(()),
            _ => Err(no_topic(topic)),
        }
    }

    /// Notes a topic in the list of all.
    pub(crate) async fn register(&self, topic: &TopicName) -> Result<()> {
        let (slot, key) = registry(&self.link.config().namespace);
        let mut add = redis::cmd("SADD");
        add.arg(key).arg(topic.as_str());
        self.run(slot, add).await.map(drop)
    }

    pub(crate) fn report(&self, event: RedisEvent) {
        tracing::warn!(%event, "data was lost");
        // Nobody need listen.
        let _ = self.events.send(event);
    }

    /// The words of an answer that begins with a status.
    pub(crate) fn answer(
        &self,
        value: Value,
        topic: &TopicName,
        group: Option<&GroupName>,
    ) -> Result<impl Iterator<Item = Value> + use<>> {
        let mut words = list(value)?.into_iter();
        let status = text(next(&mut words)?)?;
        match (status.as_str(), group) {
            ("OK", _) => Ok(words),
            ("ABSENT", _) | (_, None) => Err(no_topic(topic)),
            (_, Some(group)) => Err(no_group(topic, group)),
        }
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
