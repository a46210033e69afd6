//! The message.

mod builder;
pub(crate) mod check;
mod novelty;
mod trace;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

pub use builder::MessageBuilder;
pub use novelty::FirstPublish;
pub(crate) use novelty::Novelty;

use crate::{
    ContentType, Error, Headers, MessageId, Priority, Provenance, Result, Timestamp, TopicName,
};

/// When a message may be delivered first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Schedule {
    /// At once.
    #[default]
    Now,
    /// This long after the broker has stored it, by the broker's clock.
    After(Duration),
    /// Not before this time.
    At(Timestamp),
}

impl Schedule {
    /// When a message stored at `now` becomes deliverable; `None` for at once.
    pub fn due(self, now: Timestamp) -> Option<Timestamp> {
        let due = match self {
            Self::Now => return None,
            Self::After(d) => now.after(d),
            Self::At(at) => at,
        };
        (due > now).then_some(due)
    }
}

/// A message: a payload for a topic, and what a broker and its consumers need to know about it.
///
/// It does not change once it is built, and a clone is one reference more, so it can stand in a
/// queue, a retry and a dead letter at once. What changes during delivery (attempts, history) is
/// kept by the broker for each group, see [`History`](crate::History).
///
/// ```
/// use std::time::Duration;
/// use glmsg_core::{Message, Priority};
///
/// let message = Message::builder("agent.tasks")
///     .payload("analyse")
///     .priority(Priority::High)
///     .ttl(Duration::from_secs(3600))
///     .header("tenant", "acme")
///     .build()?;
/// assert_eq!(message.topic().as_str(), "agent.tasks");
/// assert!(message.verify().is_ok());
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Message(pub(crate) Arc<Fields>);

/// The fields of a message, in the order of the wire format.
#[derive(Clone)]
pub(crate) struct Fields {
    pub(crate) id: MessageId,
    pub(crate) topic: TopicName,
    pub(crate) payload: Bytes,
    pub(crate) content_type: ContentType,
    pub(crate) priority: Priority,
    pub(crate) key: Option<Box<str>>,
    pub(crate) created_at: Timestamp,
    pub(crate) ttl: Option<Duration>,
    pub(crate) schedule: Schedule,
    pub(crate) correlation_id: Option<Box<str>>,
    pub(crate) reply_to: Option<TopicName>,
    pub(crate) headers: Headers,
    pub(crate) max_retries: u16,
    pub(crate) traceparent: Option<Box<str>>,
    /// A checksum follows from the other fields, so it is computed when it is first asked for;
    /// a MAC, and whatever a received message claimed, is put here when the message is made.
    pub(crate) provenance: OnceLock<Provenance>,
    /// The signed section as it was received, which is what a claim is checked against. A message
    /// that was built here has none.
    pub(crate) signed: Option<Bytes>,
    pub(crate) novelty: Novelty,
}

impl Message {
    /// How often a message is retried unless it says otherwise: 3, so at most 4 deliveries.
    pub const DEFAULT_MAX_RETRIES: u16 = 3;

    /// Starts a message to `topic`. A topic that is no valid name is reported by
    /// [`build`](MessageBuilder::build).
    pub fn builder<T>(topic: T) -> MessageBuilder
    where
        T: TryInto<TopicName>,
        Error: From<T::Error>,
    {
        MessageBuilder::new(topic.try_into().map_err(Error::from))
    }

    /// A message with this payload as raw bytes, which no handler's `decode` takes, and defaults for
    /// the rest. See [`json`](Self::json) and [`text`](Self::text) for payloads with a type.
    ///
    /// # Errors
    /// As [`MessageBuilder::build`].
    pub fn new<T>(topic: T, payload: impl Into<Bytes>) -> Result<Self>
    where
        T: TryInto<TopicName>,
        Error: From<T::Error>,
    {
        Self::builder(topic).payload(payload).build()
    }

    /// A message whose payload is `value` as JSON, with defaults for the rest.
    ///
    /// # Errors
    /// `Codec` if `value` cannot be JSON, and as [`MessageBuilder::build`].
    #[cfg(feature = "json")]
    pub fn json<T, V>(topic: T, value: &V) -> Result<Self>
    where
        T: TryInto<TopicName>,
        Error: From<T::Error>,
        V: serde::Serialize + ?Sized,
    {
        Self::builder(topic).json(value).build()
    }

    /// A message whose payload is `text`, as `text/plain`, with defaults for the rest.
    ///
    /// # Errors
    /// As [`MessageBuilder::build`].
    pub fn text<T>(topic: T, text: impl Into<String>) -> Result<Self>
    where
        T: TryInto<TopicName>,
        Error: From<T::Error>,
    {
        Self::builder(topic).text(text).build()
    }

    /// A builder with all this message's fields, for a changed copy. The copy keeps the id; its
    /// provenance is made anew.
    pub fn to_builder(&self) -> MessageBuilder {
        MessageBuilder::from_fields(Fields::clone(&self.0))
    }

    /// Its identity.
    pub fn id(&self) -> MessageId {
        self.0.id
    }

    /// Where it is published.
    pub fn topic(&self) -> &TopicName {
        &self.0.topic
    }

    /// The payload's bytes. A clone of [`Bytes`] copies nothing.
    pub fn payload(&self) -> &Bytes {
        &self.0.payload
    }

    /// What the payload's bytes are.
    pub fn content_type(&self) -> &ContentType {
        &self.0.content_type
    }

    /// How urgent it is.
    pub fn priority(&self) -> Priority {
        self.0.priority
    }

    /// What it is about: messages of one key keep their order where asked for, and share a
    /// partition.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// When it was built, by its producer's clock. Brokers decide nothing by it.
    pub fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// How long after being stored (or after becoming due) it is still worth delivering.
    pub fn ttl(&self) -> Option<Duration> {
        self.0.ttl
    }

    /// When it may be delivered first.
    pub fn schedule(&self) -> Schedule {
        self.0.schedule
    }

    /// What it answers or belongs to.
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.correlation_id.as_deref()
    }

    /// Where an answer is expected.
    pub fn reply_to(&self) -> Option<&TopicName> {
        self.0.reply_to.as_ref()
    }

    /// Its headers.
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// One header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)
    }

    /// How often it is retried before it becomes a dead letter.
    pub fn max_retries(&self) -> u16 {
        self.0.max_retries
    }

    /// How often it is delivered to a group at most: the first attempt and its retries.
    pub fn max_attempts(&self) -> u32 {
        u32::from(self.0.max_retries) + 1
    }

    /// The W3C trace context it travels in.
    pub fn traceparent(&self) -> Option<&str> {
        self.0.traceparent.as_deref()
    }

    /// When it stops being worth delivering, if a broker took it at `published_at`: the time to
    /// live counts from then, or from the time it becomes due. Ask once, at the publish; a delay
    /// counts from there.
    pub fn expires_at(&self, published_at: Timestamp) -> Option<Timestamp> {
        let from = self.0.schedule.due(published_at).unwrap_or(published_at);
        self.0.ttl.map(|ttl| from.after(ttl))
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&*self.0, &*other.0);
        Arc::ptr_eq(&self.0, &other.0)
            || (a.id == b.id
                && a.topic == b.topic
                && a.payload == b.payload
                && a.content_type == b.content_type
                && a.priority == b.priority
                && a.key == b.key
                && a.created_at == b.created_at
                && a.ttl == b.ttl
                && a.schedule == b.schedule
                && a.correlation_id == b.correlation_id
                && a.reply_to == b.reply_to
                && a.headers == b.headers
                && a.max_retries == b.max_retries
                && a.traceparent == b.traceparent
                && self.provenance() == other.provenance())
    }
}

impl fmt::Debug for Message {
    /// Payload and header values may be secret: only their sizes are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.0.id)
            .field("topic", &self.0.topic)
            .field("priority", &self.0.priority)
            .field("content_type", &self.0.content_type)
            .field("payload_bytes", &self.0.payload.len())
            .field("headers", &self.0.headers.len())
            .finish_non_exhaustive()
    }
}
