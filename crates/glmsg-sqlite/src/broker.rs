//! The broker: what it holds, and how it is opened.

use std::fmt;
use std::sync::Arc;

use glmsg_core::{Error, ErrorKind, Result, Timestamp, TopicName};
use rusqlite::Connection;
use tokio::sync::{Notify, Semaphore};

use crate::SqliteConfig;
use crate::clock::GuardedClock;
use crate::connection::{absolute, open_writer};
use crate::error::{Outcome, closed};
use crate::publish::MOST_WAITING;
use crate::queue::{Handle, Queue};
use crate::reader::Readers;
use crate::snapshot::TopicRow;
use crate::writer::{self, Status};

/// A broker that keeps its messages in a SQLite file.
pub struct SqliteBroker {
    pub(crate) config: SqliteConfig,
    pub(crate) clock: GuardedClock,
    pub(crate) handle: Arc<Handle>,
    /// Room for what waits for the writer.
    pub(crate) waiting: Arc<Semaphore>,
    /// Wakes who waits for a log to grow.
    pub(crate) grown: Arc<Notify>,
    pub(crate) readers: Arc<Readers>,
    pub(crate) status: Arc<Status>,
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
            grown: Arc::default(),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            config,
            clock,
            status,
        })
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.handle.queue().is_closing() {
            return Err(closed());
        }
        Ok(())
    }

    /// Reads a topic as it is now: what is due has its place, what is too old is gone.
    pub(crate) async fn read_topic<T, F>(&self, topic: &TopicName, read: F) -> Result<T>
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
}
