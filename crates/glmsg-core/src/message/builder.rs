//! Building a message.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use super::{Fields, Message, Novelty, Schedule, check};
use crate::limits::MAX_MILLIS;
use crate::{
    Clock, ContentType, Error, Headers, MessageId, Priority, Provenance, Result, SystemClock,
    Timestamp, TopicName,
};

/// Builds a [`Message`]. Setters never fail; the first thing wrong is reported by
/// [`build`](Self::build).
// Setters are inlined: each would move some hundred bytes otherwise.
#[derive(Debug)]
#[must_use]
pub struct MessageBuilder {
    id: Option<MessageId>,
    /// Nobody can have published a message of this id.
    is_new: bool,
    topic: Result<TopicName>,
    payload: Bytes,
    pub(crate) content_type: ContentType,
    pub(crate) priority: Priority,
    key: Option<Box<str>>,
    created_at: Option<Timestamp>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) schedule: Schedule,
    pub(crate) correlation_id: Option<Box<str>>,
    pub(crate) reply_to: Option<TopicName>,
    headers: Headers,
    pub(crate) max_retries: u16,
    pub(crate) traceparent: Option<Box<str>>,
    wrong: Option<Error>,
    claimed: Option<Provenance>,
    #[cfg(feature = "hmac")]
    pub(crate) signing_key: Option<crate::SigningKey>,
}

impl MessageBuilder {
    pub(super) fn new(topic: Result<TopicName>) -> Self {
        Self {
            id: None,
            is_new: true,
            topic,
            payload: Bytes::new(),
            content_type: ContentType::BYTES,
            priority: Priority::Normal,
            key: None,
            created_at: None,
            ttl: None,
            schedule: Schedule::Now,
            correlation_id: None,
            reply_to: None,
            headers: Headers::new(),
            max_retries: Message::DEFAULT_MAX_RETRIES,
            traceparent: None,
            wrong: None,
            claimed: None,
            #[cfg(feature = "hmac")]
            signing_key: None,
        }
    }

    pub(super) fn from_fields(fields: Fields) -> Self {
        Self {
            id: Some(fields.id),
            is_new: false,
            topic: Ok(fields.topic),
            payload: fields.payload,
            content_type: fields.content_type,
            priority: fields.priority,
            key: fields.key,
            created_at: Some(fields.created_at),
            ttl: fields.ttl,
            schedule: fields.schedule,
            correlation_id: fields.correlation_id,
            reply_to: fields.reply_to,
            headers: fields.headers,
            max_retries: fields.max_retries,
            traceparent: fields.traceparent,
            wrong: None,
            claimed: None,
            #[cfg(feature = "hmac")]
            signing_key: None,
        }
    }

    /// The payload's bytes. Default: empty.
    #[inline]
    pub fn payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.payload = payload.into();
        self
    }

    /// What the payload's bytes are. Default: [`ContentType::BYTES`].
    #[inline]
    pub fn content_type(mut self, content_type: ContentType) -> Self {
        self.content_type = content_type;
        self
    }

    /// The identity. Default: a new one. Give one that follows from the input to make a repeated
    /// publish idempotent.
    #[inline]
    pub fn id(mut self, id: MessageId) -> Self {
        self.id = Some(id);
        self.is_new = false;
        self
    }

    /// A new identity, in place of one that was given.
    #[inline]
    pub fn new_id(mut self) -> Self {
        self.id = None;
        self.is_new = true;
        self
    }

    /// The identity, as [`id`](Self::id), by somebody who knows that no message of it has been
    /// published so far. No backend then looks for one at the first publish, which is faster; if
    /// there is one all the same, both are stored.
    #[inline]
    pub fn unpublished_id(mut self, id: MessageId) -> Self {
        self.id = Some(id);
        self.is_new = true;
        self
    }

    /// The topic, replacing the one given first.
    #[inline]
    pub fn topic(mut self, topic: TopicName) -> Self {
        self.topic = Ok(topic);
        self
    }

    /// How urgent it is. Default: normal.
    #[inline]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// The ordering and partitioning key, at most 1 KiB. Default: none.
    #[inline]
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// When it was made. Default: the system clock's time in [`build`](Self::build).
    #[inline]
    pub fn created_at(mut self, at: Timestamp) -> Self {
        self.created_at = Some(at);
        self
    }

    /// How long it is worth delivering, counted from being stored; kept in whole milliseconds,
    /// rounded up. Default: for ever.
    #[inline]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(whole_millis(ttl));
        self
    }

    /// Delivers it no sooner than this long after it is stored, by the broker's clock; kept in
    /// whole milliseconds, rounded up.
    #[inline]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.schedule = Schedule::After(whole_millis(delay));
        self
    }

    /// Delivers it no sooner than `at`.
    #[inline]
    pub fn deliver_at(mut self, at: Timestamp) -> Self {
        self.schedule = Schedule::At(at);
        self
    }

    /// What it answers or belongs to, at most 128 bytes. Default: none.
    #[inline]
    pub fn correlation_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// Where an answer is expected. Default: nowhere.
    #[inline]
    pub fn reply_to(mut self, topic: TopicName) -> Self {
        self.reply_to = Some(topic);
        self
    }

    /// Sets a header; see [`Headers`] for what is allowed.
    #[inline]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let set = self.set_header(name, value);
        self.note(set);
        self
    }

    /// [`header`](Self::header) for who reports the error himself.
    pub(crate) fn set_header(&mut self, name: &str, value: &str) -> Result<()> {
        self.headers.insert(name, value)
    }

    /// The agent that sends it, as the header `source-agent`.
    #[inline]
    pub fn source_agent(self, agent: &str) -> Self {
        self.header("source-agent", agent)
    }

    /// The agent it is meant for, as the header `target-agent`.
    #[inline]
    pub fn target_agent(self, agent: &str) -> Self {
        self.header("target-agent", agent)
    }

    /// How often it is retried, 0 to 1000. Default: 3.
    #[inline]
    pub fn max_retries(mut self, retries: u16) -> Self {
        self.max_retries = retries;
        self
    }

    /// The W3C `traceparent` it travels in. Default: none.
    #[inline]
    pub fn traceparent(mut self, traceparent: impl Into<Box<str>>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }

    /// Takes the outcome of a fallible setter; the first error is kept.
    pub(crate) fn note<T>(&mut self, outcome: Result<T>) -> Option<T> {
        outcome.map_err(|e| self.wrong.get_or_insert(e)).ok()
    }

    /// Whether a delay or a time to deliver is set.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.schedule != Schedule::Now
    }

    /// What the message is said to be checked against, by whoever sent it in another form.
    #[inline]
    pub(crate) fn claim(mut self, provenance: Option<Provenance>) -> Self {
        self.claimed = provenance;
        self
    }

    /// Finishes the message, with the system clock for its creation time.
    ///
    /// # Errors
    /// `InvalidArgument` for a name, header, key, correlation id or trace context that is not
    /// allowed; `TooLarge` for one that is too long or a payload over 16 MiB; `Codec` for a value
    /// that could not be encoded.
    pub fn build(self) -> Result<Message> {
        self.build_at(&SystemClock)
    }

    /// Finishes the message, with `clock` for its creation time unless that was set.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_at(self, clock: &dyn Clock) -> Result<Message> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let topic = self.topic?;
        check::all(
            &self.payload,
            self.key.as_deref(),
            self.correlation_id.as_deref(),
            self.max_retries,
            self.traceparent.as_deref(),
        )
        .map_err(|e| e.with("topic", &topic))?;
        let fields = Fields {
            novelty: Novelty::new(self.is_new),
            id: self.id.unwrap_or_else(MessageId::new),
            topic,
            payload: self.payload,
            content_type: self.content_type,
            priority: self.priority,
            key: self.key,
            created_at: self.created_at.unwrap_or_else(|| clock.now()),
            ttl: self.ttl,
            schedule: self.schedule,
            correlation_id: self.correlation_id,
            reply_to: self.reply_to,
            headers: self.headers,
            max_retries: self.max_retries,
            traceparent: self.traceparent,
            provenance: self.claimed.map_or_else(OnceLock::new, OnceLock::from),
            signed: None,
        };
        #[cfg(feature = "hmac")]
        let fields = match self.signing_key {
            None => fields,
            Some(key) => Fields {
                provenance: OnceLock::from(key.sign(&fields)),
                ..fields
            },
        };
        Ok(Message(Arc::new(fields)))
    }
}

/// Whole milliseconds, rounded up, so that every form of a message carries a duration exactly.
fn whole_millis(d: Duration) -> Duration {
    let millis = u64::try_from(d.as_nanos().div_ceil(1_000_000)).unwrap_or(MAX_MILLIS);
    Duration::from_millis(millis.min(MAX_MILLIS))
}
