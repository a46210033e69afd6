//! What happened.

use bytes::Bytes;
use glmsg_core::codec::Codec;
use glmsg_core::{ContentType, Headers, Message, MessageId, Result, Timestamp, TopicName};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The header that names what kind of event it is.
const TYPE: &str = "event-type";
/// The header that names an event's place in its stream.
const VERSION: &str = "event-version";
/// The header of messages that names who sent them, for events who caused them.
const AGENT: &str = "source-agent";

/// An event that is not yet stored: a type, data, and who caused it.
#[derive(Debug, Clone)]
#[must_use = "an event is stored by `append`"]
pub struct NewEvent {
    event_type: String,
    data: Bytes,
    content_type: ContentType,
    id: Option<MessageId>,
    agent: Option<String>,
    correlation_id: Option<String>,
    headers: Vec<(String, String)>,
}

impl NewEvent {
    /// An event of this type with `data` as JSON.
    ///
    /// # Errors
    /// `Codec` if `data` cannot be JSON.
    pub fn json<T: Serialize + ?Sized>(event_type: impl Into<String>, data: &T) -> Result<Self> {
        Self::encoded(event_type, &glmsg_core::codec::Json, data)
    }

    /// An event of this type with `data` as `codec` writes it.
    ///
    /// # Errors
    /// `Codec` if `data` has no form in this codec.
    pub fn encoded<T: Serialize + ?Sized>(
        event_type: impl Into<String>,
        codec: &impl Codec,
        data: &T,
    ) -> Result<Self> {
        let data = codec.encode(data)?;
        Ok(Self::bytes(event_type, data).content_type(codec.content_type()))
    }

    /// An event of this type with these bytes, of no declared form.
    pub fn bytes(event_type: impl Into<String>, data: impl Into<Bytes>) -> Self {
        Self {
            event_type: event_type.into(),
            data: data.into(),
            content_type: ContentType::BYTES,
            id: None,
            agent: None,
            correlation_id: None,
            headers: Vec::new(),
        }
    }

    /// What the bytes are.
    pub fn content_type(mut self, content_type: ContentType) -> Self {
        self.content_type = content_type;
        self
    }

    /// The identity. Default: a new one.
    pub fn id(mut self, id: MessageId) -> Self {
        self.id = Some(id);
        self
    }

    /// Who caused it. Default: nobody is named.
    pub fn agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = Some(agent.into());
        self
    }

    /// What it belongs to, at most 128 bytes. Default: none.
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// A header more, as messages have them. `event-type`, `event-version` and `source-agent` are
    /// the store's own and stay as it sets them.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The event as the message that is stored.
    pub(super) fn into_message(
        self,
        stream: &TopicName,
        version: u64,
        at: Timestamp,
    ) -> Result<Message> {
        let mut message = Message::builder(stream)
            .id(self.id.unwrap_or_else(MessageId::new))
            .payload(self.data)
            .content_type(self.content_type)
            .created_at(at);
        for (name, value) in &self.headers {
            message = message.header(name, value);
        }
        if let Some(agent) = &self.agent {
            message = message.source_agent(agent);
        }
        if let Some(id) = self.correlation_id {
            message = message.correlation_id(id);
        }
        message
            .header(TYPE, &self.event_type)
            .header(VERSION, &version.to_string())
            .build()
    }
}

/// An event of a stream, as it was stored. Cloning is cheap.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    message: Message,
    version: u64,
}

impl Event {
    /// The event of a stored message, if it says which version it is.
    pub(super) fn of(message: Message) -> Option<Self> {
        let version = message.headers().get(VERSION)?.parse().ok()?;
        message.headers().get(TYPE)?;
        Some(Self { message, version })
    }

    pub(super) fn message(&self) -> &Message {
        &self.message
    }

    /// Its place in its stream, from 1, without gaps.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Its stream.
    pub fn stream(&self) -> &TopicName {
        self.message.topic()
    }

    /// Its identity.
    pub fn id(&self) -> MessageId {
        self.message.id()
    }

    /// What kind of event it is.
    pub fn event_type(&self) -> &str {
        self.message.headers().get(TYPE).unwrap_or_default()
    }

    /// Who caused it.
    pub fn agent(&self) -> Option<&str> {
        self.message.headers().get(AGENT)
    }

    /// When it was recorded, by the clock of who appended it. It never goes back within a stream:
    /// where a writer's clock is behind, the time of the event before is taken.
    pub fn recorded_at(&self) -> Timestamp {
        self.message.created_at()
    }

    /// What it belongs to.
    pub fn correlation_id(&self) -> Option<&str> {
        self.message.correlation_id()
    }

    /// All its headers, the store's own among them.
    pub fn headers(&self) -> &Headers {
        self.message.headers()
    }

    /// The data's bytes.
    pub fn data(&self) -> &Bytes {
        self.message.payload()
    }

    /// What the data's bytes are.
    pub fn content_type(&self) -> &ContentType {
        self.message.content_type()
    }

    /// The data as a value, by the codec that its content type names, as
    /// [`Message::decode`].
    ///
    /// # Errors
    /// `Codec` if the data are not a `T`; `Unsupported` if no codec for them is compiled in.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        self.message.decode()
    }
}
