//! A task before it is submitted, and what is left of it afterwards.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use glmsg_core::{
    Error, ErrorKind, Message, MessageBuilder, MessageId, Priority, Result, TopicName,
};

/// The header that says how long a result is kept, in milliseconds.
pub(super) const KEEP: &str = "glmsg-keep-result-ms";
/// The header that names the tenant.
pub(super) const TENANT: &str = "glmsg-tenant";

/// A task to be submitted, from [`WorkQueue::task`](super::WorkQueue::task).
#[derive(Debug)]
#[must_use = "a task does nothing until it is submitted"]
pub struct Task {
    message: MessageBuilder,
    pub(super) tenant: Option<String>,
    pub(super) keep: Option<Duration>,
}

impl Task {
    pub(super) fn new(message: MessageBuilder) -> Self {
        Self {
            message,
            tenant: None,
            keep: None,
        }
    }

    /// What is to be done, as bytes. For a value there is [`with`](Self::with).
    pub fn payload(self, payload: impl Into<Bytes>) -> Self {
        self.with(|message| message.payload(payload))
    }

    /// How urgent it is, among its tenant's. Default: normal.
    pub fn priority(self, priority: Priority) -> Self {
        self.with(|message| message.priority(priority))
    }

    /// Sets whatever a message has: a payload by a codec, a delay, a time to live, how often it is
    /// retried, headers, an id. Its topic is the queue's to choose.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use glmsg_memory::{MemoryBroker, MemoryConfig};
    /// # let broker = Arc::new(MemoryBroker::new(MemoryConfig::default()));
    /// let queue = glmsg_patterns::work_queue::WorkQueue::new(broker, "reports")?;
    /// let task = queue.task().with(|m| m.json(&[1, 2, 3]).delay(Duration::from_secs(60)));
    /// # drop(task);
    /// # Ok::<(), glmsg_core::Error>(())
    /// ```
    pub fn with(mut self, set: impl FnOnce(MessageBuilder) -> MessageBuilder) -> Self {
        self.message = set(self.message);
        self
    }

    /// Whose task it is: tenants have fair shares of the workers. Any text of at most 4096 bytes
    /// without control characters. Default: nobody's, which is a tenant of its own.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Keeps its progress and its result for so long after the last of them, at least 1 s. It costs
    /// two writes more for each attempt. Default: nothing is kept.
    pub fn keep_result(mut self, ttl: Duration) -> Self {
        self.keep = Some(ttl);
        self
    }

    pub(super) fn build(self, topic: TopicName) -> Result<Message> {
        let mut message = self.message.topic(topic);
        if let Some(tenant) = &self.tenant {
            message = message.header(TENANT, tenant);
        }
        if let Some(ttl) = self.keep {
            if ttl < Duration::from_secs(1) {
                let what = "a result must be kept for 1 s at least";
                return Err(Error::new(ErrorKind::InvalidArgument, what).operation("submit"));
            }
            message = message.header(KEEP, &ttl.as_millis().to_string());
        }
        message.build()
    }
}

/// What a submitted task is found by, also from another process: written as text, it can be sent
/// and parsed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TaskRef {
    pub(super) topic: TopicName,
    pub(super) id: MessageId,
}

impl TaskRef {
    /// The task's id, which is its message's.
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// The topic it is in.
    pub fn topic(&self) -> &TopicName {
        &self.topic
    }
}

impl fmt::Display for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.id)
    }
}

impl FromStr for TaskRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/').ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "not a task: there is no '/'")
                .remedy("write it as it was printed: a topic, '/', an id")
        });
        let (topic, id) = parts?;
        Ok(Self {
            topic: topic.parse()?,
            id: id.parse()?,
        })
    }
}
