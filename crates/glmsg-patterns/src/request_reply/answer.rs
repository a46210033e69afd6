//! What a responder's handler returns, and the message that it becomes.

use bytes::Bytes;
use glmsg_core::codec::Codec;
use glmsg_core::{ContentType, Message, MessageId, Result, TopicName};
use serde::Serialize;

use super::{ERROR_CODE, ERROR_TEXT, ReplyError};

/// The payload of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    payload: Bytes,
    content_type: ContentType,
}

impl Answer {
    /// Bytes of this type.
    pub fn new(payload: impl Into<Bytes>, content_type: ContentType) -> Self {
        Self {
            payload: payload.into(),
            content_type,
        }
    }

    /// A value as `codec` writes it.
    ///
    /// # Errors
    /// `Codec` if the value has no form in it.
    pub fn encode<C: Codec, T: Serialize + ?Sized>(codec: &C, value: &T) -> Result<Self> {
        Ok(Self::new(codec.encode(value)?, codec.content_type()))
    }

    /// Nothing: that it was done is the answer.
    pub fn empty() -> Self {
        Self::new(Bytes::new(), ContentType::BYTES)
    }
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::new(text, ContentType::TEXT)
    }
}

/// The reply to `request`. Every answer to it has the same id, so that an inbox stores one. At the
/// request's first attempt none is there yet, and none is looked for.
pub(super) fn reply(
    request: &Message,
    attempt: u32,
    inbox: &TopicName,
    answer: Result<Answer, ReplyError>,
) -> Result<Message> {
    let correlation = match request.correlation_id() {
        Some(id) => id.into(),
        None => request.id().to_string(),
    };
    let id = id_of_reply(request.id());
    let builder = Message::builder(inbox);
    let mut builder = match attempt {
        1 => builder.unpublished_id(id),
        _ => builder.id(id),
    };
    builder = builder
        .correlation_id(correlation)
        .priority(request.priority());
    if let Some(trace) = request.traceparent() {
        builder = builder.traceparent(trace);
    }
    let builder = match answer {
        Ok(answer) => builder
            .payload(answer.payload)
            .content_type(answer.content_type),
        Err(error) => builder
            .header(ERROR_CODE, error.code())
            .header(ERROR_TEXT, &header_text(error.text())),
    };
    builder.build()
}

/// A header has no control characters.
fn header_text(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn id_of_reply(request: MessageId) -> MessageId {
    const MARK: [u8; 5] = *b"reply";
    let mut bytes = *request.as_bytes();
    for (byte, mark) in bytes[11..].iter_mut().zip(MARK) {
        *byte ^= mark;
    }
    MessageId::from_bytes(bytes)
}
