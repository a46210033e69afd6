//! The broker.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use glmsg_broker::{
    Backend, BrokerMetrics, Capability, DeadLetterQuery, DeadLetterSelector, Durability,
    GroupConfig, GroupInfo, Health, Lag, MemberInfo, Page, Published, ReplayQuery, StartFrom,
    Stored, SubscribeOptions, TopicConfig, TopicInfo,
};
use glmsg_core::{DeadLetter, Error, ErrorKind, GroupName, Message, Result, Timestamp, TopicName};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::admin::{self, GroupRow};
use crate::clock::GuardedClock;
use crate::connection::{absolute, open_writer};
use crate::error::{Outcome, closed};
use crate::publish::MOST_WAITING;
use crate::queue::{Handle, Queue};
use crate::reader::Readers;
use crate::snapshot::TopicRow;
use crate::writer::{self, Status};
use crate::{SqliteConfig, SqliteSource, dead_letter, replay};

/// How long a health probe may take.
const PROBE: Duration = Duration::from_secs(5);

/// A broker that keeps its messages in a SQLite file.
pub struct SqliteBroker {
    pub(crate) config: SqliteConfig,
    pub(crate) clock: GuardedClock,
    pub(crate) handle: Arc<Handle>,
    /// Room for what waits for the writer.
    pub(crate) waiting: Arc<Semaphore>,
    readers: Arc<Readers>,
    status: Arc<Status>,
}

impl fmt::Debug for SqliteBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteBroker")
            .field("path", &self.config.path)
            .finish_non_exhaustive()
    }
}

impl SqliteBroker {
    /// Opens the store, creating it if the file does not exist or is empty.
    ///
    /// # Errors
    /// `ConfigInvalid` for a setting out of its bounds; `NotFound` if the directory does not exist;
    /// `PermissionDenied` if the file may not be written; `InvalidArgument` if the path is no file;
    /// `Conflict` if the file is no store, is damaged, or was written by a newer glmsg. A file that
    /// is refused is not changed.
    pub async fn open(config: SqliteConfig) -> Result<Self> {
        config.check()?;
        let opening = tokio::task::spawn_blocking(move || Self::open_now(config)).await;
        opening.unwrap_or_else(|e| {
            Err(Error::new(ErrorKind::Unexpected, "opening the store did not finish").source(e))
        })
    }

    fn open_now(config: SqliteConfig) -> Result<Self> {
        let path = absolute(&config.path)?;
        let (conn, in_use) = open_writer(&config, &path)?;
        let in_use = Arc::new(in_use);
        let clock = GuardedClock::new(Arc::clone(&config.clock));
        let queue = Arc::new(Queue::default());
        let status = Arc::new(Status::new());
        writer::start(conn, &in_use, &config, &clock, &queue, &status)?;
        let ticked = Arc::downgrade(&queue);
        clock.on_change(Arc::new(move || {
            if let Some(queue) = ticked.upgrade() {
                queue.tick();
            }
        }));
        Ok(Self {
            readers: Arc::new(Readers::new(&path, in_use)),
            handle: Arc::new(Handle::new(queue)),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            config,
            clock,
            status,
        })
    }

    fn check_open(&self) -> Result<()> {
        if self.handle.queue().is_closing() {
            return Err(closed());
        }
        Ok(())
    }

    /// Reads a topic as it is now: what is due has its place, what is too old is gone.
    async fn read_topic<T, F>(&self, topic: &TopicName, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &TopicRow, Timestamp) -> Outcome<T> + Clone + Send + 'static,
    {
        self.check_open()?;
        let now = self.clock.now();
        for is_last in [false, true] {
            let (name, read) = (topic.clone(), read.clone());
            let outcome = self.readers.read(move |conn| {
                let topic = TopicRow::find(conn, &name)?;
                if !is_last && topic.is_behind(conn, now)? {
                    return Ok(None);
                }
                read(conn, &topic, now).map(Some)
            });
            if let Some(found) = outcome.await? {
                return Ok(found);
            }
            let name = topic.clone();
            self.handle
                .call(1, move |store| store.refresh(&name))
                .await?;
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "the topic cannot be brought to the present",
        ))
    }

    async fn probe(&self) -> Result<Vec<(&'static str, String)>> {
        self.handle.call(1, |store| store.probe()).await?;
        let path = absolute(&self.config.path)?;
        let read = self.readers.read(move |conn| {
            let sqlite: String = conn.query_row("SELECT sqlite_version()", [], |row| row.get(0))?;
            let _: i64 = conn.query_row("SELECT count(*) FROM topic", [], |row| row.get(0))?;
            let size = |suffix: &str| {
                let mut name = path.clone().into_os_string();
                name.push(suffix);
                std::fs::metadata(name).map_or(0, |found| found.len())
            };
            Ok(vec![
                ("sqlite", sqlite),
                ("file_bytes", size("").to_string()),
                ("wal_bytes", size("-wal").to_string()),
            ])
        });
        read.await
    }
}

impl Backend for SqliteBroker {
    type Source = SqliteSource;

    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::all(Durability::Fsynced);
        capability.max_payload = self.config.max_payload;
        capability
    }

    fn metrics(&self) -> Option<BrokerMetrics> {
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
        let (topic, group, which) = (topic.clone(), group.clone(), which.clone());
        let done = self
            .handle
            .call(16, move |store| store.redrive(&topic, &group, &which));
        done.await.map_err(|e| e.operation("redrive"))
    }

    async fn purge(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        let (topic, group, which) = (topic.clone(), group.clone(), which.clone());
        let done = self
            .handle
            .call(16, move |store| store.purge(&topic, &group, &which));
        done.await.map_err(|e| e.operation("purge"))
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

    async fn health(&self) -> Health {
        let start = Instant::now();
        if let Some(poison) = self.status.poison() {
            return Health::unhealthy(start.elapsed(), poison.to_string());
        }
        let probed = tokio::time::timeout(PROBE, self.probe()).await;
        let latency = start.elapsed();
        match probed {
            Ok(Ok(details)) => details
                .into_iter()
                .fold(Health::healthy(latency), |health, (name, value)| {
                    health.detail(name, value)
                }),
            Ok(Err(error)) => Health::unhealthy(latency, error.to_string()),
            Err(_) => Health::unhealthy(
                latency,
                "the store did not answer within 5 s; another process may keep it locked, or the \
                 disk is slow",
            ),
        }
    }

    async fn close(&self) -> Result<()> {
        self.handle.queue().close();
        // The last connection to go removes the log, so that must be the writer's.
        self.readers.close();
        self.status.ended().await;
        self.readers.close();
        self.status
            .poison()
            .map_or(Ok(()), |poison| Err(poison.operation("close")))
    }
}
