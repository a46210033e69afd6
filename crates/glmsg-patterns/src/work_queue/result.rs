//! How far a task is, and what it gave: kept in the broker's storage, for whoever asks.

mod ask;

use std::time::Duration;

use glmsg_broker::{BoxStorage, Change, Expected, HandlerError, Incoming, Storage, StorageKey};
use glmsg_core::{
    Error, ErrorKind, Message, MessageBuilder, MessageId, Result, TopicName, clean_error_text,
    limits, wire,
};

pub use ask::{TaskEnd, TaskState, TaskStatus};

use super::job::IntoOutput;
use super::task::{KEEP, TaskRef};

/// Headers of a record, which is an envelope whose payload is the result.
const STATE: &str = "glmsg-state";
const ATTEMPT: &str = "glmsg-attempt";
const PROGRESS: &str = "glmsg-progress";
const NOTE: &str = "glmsg-note";

/// How often a record is written again that another was quicker to write.
const TRIES: usize = 16;
/// How often a result is written again that could not be.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

fn key(topic: &TopicName, id: MessageId) -> Result<StorageKey> {
    StorageKey::new(format!("work-queue/{topic}/{id}"))
}

/// Writes what is known of one attempt at one task. A clone is the same.
#[derive(Debug, Clone)]
pub(super) struct Tracker {
    storage: BoxStorage,
    key: StorageKey,
    topic: TopicName,
    id: MessageId,
    attempt: u32,
    ttl: Duration,
}

impl Tracker {
    /// `None` if nobody wants to know of the task.
    pub(super) fn of(incoming: &Incoming, storage: &BoxStorage) -> Option<Self> {
        let ttl = incoming.header(KEEP)?.parse().ok()?;
        Some(Self {
            storage: storage.clone(),
            key: key(incoming.topic(), incoming.id()).ok()?,
            topic: incoming.topic().clone(),
            id: incoming.id(),
            attempt: incoming.attempt(),
            ttl: Duration::from_millis(ttl),
        })
    }

    fn blank(&self) -> MessageBuilder {
        Message::builder(self.topic.clone())
    }

    /// The attempt has begun. If that cannot be told, the task is done all the same.
    pub(super) async fn begun(&self) {
        if let Err(error) = self.progress(0.0, "").await {
            tracing::debug!(id = %self.id, %error, "it is not told that a task has begun");
        }
    }

    pub(super) async fn progress(&self, done: f32, note: &str) -> Result<()> {
        let done = done.clamp(0.0, 1.0);
        let record = self.blank().header(PROGRESS, &done.to_string());
        self.write(TaskState::Running, record.header(NOTE, note))
            .await
    }

    /// The attempt has failed. Whether another follows is the queue's to say.
    pub(super) async fn failed(&self, error: &HandlerError) {
        let note = clean_error_text(&error.to_string());
        let record = self.blank().header(NOTE, &note);
        if let Err(error) = self.write(TaskState::Waiting, record).await {
            tracing::debug!(id = %self.id, %error, "it is not told that an attempt has failed");
        }
    }

    /// The task is done.
    ///
    /// # Errors
    /// If the result cannot be kept; then the task is not done, for who waits would wait in vain.
    pub(super) async fn done(&self, output: impl IntoOutput) -> Result<()> {
        let output = output.into_output(self.blank()).topic(self.topic.clone());
        let output = output.header(PROGRESS, "1").header(NOTE, "").build()?;
        let mut pauses = PAUSES.into_iter();
        loop {
            let written = self.write(TaskState::Done, output.to_builder()).await;
            match (written, pauses.next()) {
                (Err(error), Some(pause)) if error.is_transient() => {
                    tracing::debug!(id = %self.id, %error, "a result is written again");
                    tokio::time::sleep(pause).await;
                }
                (written, _) => return written,
            }
        }
    }

    /// Writes a record, unless what is there is newer: an attempt that was thought dead must not
    /// take back what a later one has told.
    async fn write(&self, state: TaskState, record: MessageBuilder) -> Result<()> {
        let record = record
            .id(self.id)
            .header(STATE, state.as_str())
            .header(ATTEMPT, &self.attempt.to_string())
            .build()?;
        let bytes = wire::encode(&record);
        for _ in 0..TRIES {
            let found = self.storage.get(&self.key).await?;
            let version = found.as_ref().map_or(0, |value| value.version);
            let known = found.and_then(|value| Record::read(&value.data).ok());
            let is_newer = known.is_some_and(|known| {
                known.state == TaskState::Done
                    || (state != TaskState::Done && known.attempt > self.attempt)
            });
            if is_newer {
                return Ok(());
            }
            let expected = Expected::Version(version);
            let put = self
                .storage
                .put(&self.key, &bytes, expected, Some(self.ttl));
            if let Change::Made(_) = put.await? {
                return Ok(());
            }
        }
        let what = "others write the result of this task at the same time";
        Err(Error::new(ErrorKind::Unavailable, what).with("task", self.id))
    }
}

/// What is kept of a task.
#[derive(Debug)]
struct Record {
    state: TaskState,
    attempt: u32,
    progress: f32,
    note: String,
    output: Message,
}

impl Record {
    fn read(bytes: &bytes::Bytes) -> Result<Self> {
        let output = wire::decode(bytes, limits::max_envelope(limits::MAX_PAYLOAD))?;
        let header = |name: &str| output.header(name).unwrap_or_default();
        let state = TaskState::from_str(header(STATE)).ok_or_else(|| {
            Error::new(ErrorKind::Codec, "what is kept of this task says no state")
        })?;
        Ok(Self {
            state,
            attempt: header(ATTEMPT).parse().unwrap_or_default(),
            progress: header(PROGRESS).parse().unwrap_or_default(),
            note: header(NOTE).to_owned(),
            output,
        })
    }
}

async fn read(storage: &BoxStorage, task: &TaskRef) -> Result<Option<Record>> {
    let value = storage.get(&key(&task.topic, task.id)?).await?;
    value.map(|value| Record::read(&value.data)).transpose()
}
