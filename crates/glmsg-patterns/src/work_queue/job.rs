//! A task as its handler gets it, and what a handler gives.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use glmsg_broker::Incoming;
use glmsg_core::{ContentType, Message, MessageBuilder, Result};

use super::result::Tracker;
use super::task::TENANT;

/// A task as its handler gets it. It dereferences to the [`Incoming`] message, whose payload says
/// what is to be done: `job.decode::<Report>()`.
pub struct Job {
    pub(super) incoming: Incoming,
    pub(super) worker: usize,
    /// `None` where nobody asked for a result.
    pub(super) tracker: Option<Tracker>,
}

impl Job {
    /// Whose task it is.
    pub fn tenant(&self) -> Option<&str> {
        self.incoming.header(TENANT)
    }

    /// The number of the worker, from 0.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// Tells who waits for the task how far it is: from 0 to 1, and in words of at most 4096 bytes.
    /// Costs a read and a write in the broker's storage; nothing where no result is kept.
    ///
    /// # Cancel safety
    /// It may have been told or not.
    ///
    /// # Errors
    /// Of the storage. The task can go on all the same.
    pub async fn progress(&self, done: f32, note: &str) -> Result<()> {
        match &self.tracker {
            Some(tracker) => tracker.progress(done, note).await,
            None => Ok(()),
        }
    }

    /// As [`progress`](Self::progress), for a handler that [blocks its
    /// thread](super::WorkerPoolBuilder::start_blocking).
    ///
    /// # Errors
    /// As [`progress`](Self::progress).
    pub fn progress_blocking(&self, done: f32, note: &str) -> Result<()> {
        tokio::runtime::Handle::current().block_on(self.progress(done, note))
    }

    /// What to make a typed result of: `Ok(job.output().json(&summary))`.
    pub fn output(&self) -> MessageBuilder {
        Message::builder(self.incoming.topic().clone())
    }
}

impl Deref for Job {
    type Target = Incoming;
    fn deref(&self) -> &Incoming {
        &self.incoming
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.incoming.id())
            .field("topic", self.incoming.topic())
            .field("attempt", &self.incoming.attempt())
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

/// What a handler may give as its result: `()` for none, bytes, text, or anything a message can
/// hold, made from [`Job::output`].
pub trait IntoOutput: Send + 'static {
    /// Puts it into `blank`.
    fn into_output(self, blank: MessageBuilder) -> MessageBuilder;
}

impl IntoOutput for () {
    fn into_output(self, blank: MessageBuilder) -> MessageBuilder {
        blank
    }
}

impl IntoOutput for Bytes {
    fn into_output(self, blank: MessageBuilder) -> MessageBuilder {
        blank.payload(self)
    }
}

impl IntoOutput for Vec<u8> {
    fn into_output(self, blank: MessageBuilder) -> MessageBuilder {
        blank.payload(self)
    }
}

impl IntoOutput for String {
    fn into_output(self, blank: MessageBuilder) -> MessageBuilder {
        blank.payload(self).content_type(ContentType::TEXT)
    }
}

impl IntoOutput for MessageBuilder {
    fn into_output(self, _blank: MessageBuilder) -> MessageBuilder {
        self
    }
}
