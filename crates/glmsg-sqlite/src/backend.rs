//! The broker's contract.

use std::sync::Arc;

use glmsg_broker::{
    Backend, BrokerMetrics, Capability, DeadLetterQuery, DeadLetterSelector, Durability, Finding,
    Frames, GroupConfig, GroupInfo, Health, Lag, LiveOptions, LiveReceiver, MemberInfo, Observer,
    Page, Published, ReplayQuery, StartFrom, Stored, SubscribeOptions, TopicConfig, TopicInfo,
};
use glmsg_core::{DeadLetter, Error, ErrorKind, GroupName, Message, Result, TopicName};

use crate::admin::{self, GroupRow};
use crate::snapshot::TopicRow;
use crate::writer::Piece;
use crate::{SqliteBroker, SqliteSource, SqliteStorage, dead_letter, replay};

/// Roughly how many rows a piece of a redrive or purge touches.
const PIECE_WEIGHT: usize = 1000;

impl Backend for SqliteBroker {
    type Source = SqliteSource;
    type Live = LiveReceiver;
    type Storage = SqliteStorage;

    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::all(Durability::Fsynced);
        capability.max_payload = self.config.max_payload;
        capability.live = false;
        // A message costs a row either way; its group commit shares what a frame would share.
        capability.frames = false;
        capability
    }

    fn metrics(&self) -> Option<BrokerMetrics> {
        None
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }

    async fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        self.store(messages).await
    }

    async fn subscribe(&self, options: &SubscribeOptions) -> Result<SqliteSource> {
        SqliteSource::join(&self.handle, &self.clock, options).await
    }

    async fn create_topic(&self, topic: &TopicName, config: &TopicConfig) -> Result<()> {
        config.check()?;
        if config.frames.is_some() {
            return Err(Frames::unsupported("sqlite").operation("create topic"));
        }
        let (topic, config) = (topic.clone(), config.clone());
        let done = self
            .handle
            .call(1, move |store| store.create_topic(&topic, &config));
        done.await.map_err(|e| e.operation("create topic"))
    }

    async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        let topic = topic.clone();
        let done = self.handle.call(1, move |store| store.delete_topic(&topic));
        done.await.map_err(|e| e.operation("delete topic"))
    }

    async fn topic_names(&self) -> Result<Vec<TopicName>> {
        self.check_open()?;
        let names = self.readers.read(move |conn| {
            let topics = TopicRow::all(conn)?.into_iter();
            Ok(topics.map(|topic| topic.name).collect())
        });
        names.await.map_err(|e| e.operation("topic names"))
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        self.check_open()?;
        let now = self.clock.now();
        let behind = self.readers.read(move |conn| {
            let mut behind = Vec::new();
            for topic in TopicRow::all(conn)? {
                if topic.is_behind(conn, now)? {
                    behind.push(topic.name);
                }
            }
            Ok(behind)
        });
        for name in behind.await? {
            let refreshed = self.handle.call(1, move |store| store.refresh(&name)).await;
            if let Err(e) = refreshed {
                // Deleted meanwhile: then it is not listed either.
                if e.kind() != ErrorKind::NotFound {
                    return Err(e.operation("topics"));
                }
            }
        }
        let topics = self.readers.read(move |conn| {
            let topics = TopicRow::all(conn)?.into_iter();
            let infos = topics.map(|topic| admin::topic_info(conn, topic, now));
            Ok(infos.collect::<Result<Vec<_>, rusqlite::Error>>()?)
        });
        topics.await.map_err(|e| e.operation("topics"))
    }

    async fn create_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        config: &GroupConfig,
    ) -> Result<()> {
        let (topic, group, config) = (topic.clone(), group.clone(), config.clone());
        let done = self
            .handle
            .call(1, move |store| store.create_group(&topic, &group, &config));
        done.await.map_err(|e| e.operation("create group"))
    }

    async fn delete_group(&self, topic: &TopicName, group: &GroupName) -> Result<()> {
        let (topic, group) = (topic.clone(), group.clone());
        let done = self
            .handle
            .call(1, move |store| store.delete_group(&topic, &group));
        done.await.map_err(|e| e.operation("delete group"))
    }

    async fn groups(&self, topic: &TopicName) -> Result<Vec<GroupInfo>> {
        let found = self.read_topic(topic, |conn, topic, now| {
            Ok(admin::groups(conn, topic, now)?)
        });
        found.await.map_err(|e| e.operation("groups"))
    }

    async fn members(&self, topic: &TopicName, group: &GroupName) -> Result<Vec<MemberInfo>> {
        let name = group.clone();
        let found = self.read_topic(topic, move |conn, topic, now| {
            let group = GroupRow::find(conn, topic, &name)?;
            Ok(admin::members(conn, &group, now)?)
        });
        found.await.map_err(|e| e.operation("members"))
    }

    async fn lag(&self, topic: &TopicName, group: &GroupName) -> Result<Lag> {
        let name = group.clone();
        let found = self.read_topic(topic, move |conn, topic, now| {
            let group = GroupRow::find(conn, topic, &name)?;
            Ok(admin::lag(conn, topic, &group, now)?)
        });
        found.await.map_err(|e| e.operation("lag"))
    }

    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Page<DeadLetter>> {
        let wished = query.clone();
        let found = self.read_topic(&query.topic, move |conn, topic, now| {
            let group = GroupRow::find(conn, topic, &wished.group)?;
            dead_letter::list(conn, topic, &group, &wished, now)
        });
        found.await.map_err(|e| e.operation("dead letters"))
    }

    async fn redrive(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        let mut piece = Piece::FIRST;
        while !piece.is_last {
            let (topic, group, which) = (topic.clone(), group.clone(), which.clone());
            let next = self.handle.call(PIECE_WEIGHT, move |store| {
                store.redrive(&topic, &group, &which, piece)
            });
            piece = next.await.map_err(|e| e.operation("redrive"))?;
        }
        Ok(piece.done)
    }

    async fn purge(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        let mut piece = Piece::FIRST;
        while !piece.is_last {
            let (topic, group, which) = (topic.clone(), group.clone(), which.clone());
            let next = self.handle.call(PIECE_WEIGHT, move |store| {
                store.purge(&topic, &group, &which, piece)
            });
            piece = next.await.map_err(|e| e.operation("purge"))?;
        }
        Ok(piece.done)
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<Vec<Stored>> {
        let wished = query.clone();
        let found = self.read_topic(&query.topic, move |conn, topic, _| {
            match (&wished.from, wished.limit) {
                (StartFrom::Latest, _) | (_, 0) => Ok(Vec::new()),
                _ => replay::read(conn, topic, &wished),
            }
        });
        found.await.map_err(|e| e.operation("replay"))
    }

    async fn announce(&self, _messages: &[Message]) -> Result<()> {
        Err(nothing_live("announce"))
    }

    async fn listen(&self, options: &LiveOptions) -> Result<LiveReceiver> {
        options.check()?;
        Err(nothing_live("listen"))
    }

    async fn storage(&self) -> Result<SqliteStorage> {
        SqliteStorage::new(self).map_err(|e| e.operation("storage"))
    }

    async fn health(&self) -> Health {
        self.check_health().await
    }

    async fn doctor(&self) -> Result<Vec<Finding>> {
        self.examine().await.map_err(|e| e.operation("doctor"))
    }

    async fn close(&self) -> Result<()> {
        self.handle.queue().close();
        self.grown.notify_waiters();
        // The last connection to go removes the log, so that must be the writer's.
        self.readers.close();
        self.status.ended().await;
        self.readers.close();
        self.status
            .poison()
            .map_or(Ok(()), |poison| Err(poison.operation("close")))
    }
}

/// A file tells nobody; other processes would hear nothing.
fn nothing_live(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, "SQLite has no live subscriptions")
        .operation(operation)
        .remedy("subscribe as a group, or use Redis")
}
