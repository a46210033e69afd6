//! CloudEvents in the binary mode of their binding to Kafka.

use bytes::Bytes;
use glmsg_core::limits::MAX_HEADERS;
use glmsg_core::{
    Clock, Error, ErrorKind, Headers, Message, Result, Timestamp, TopicName, binding,
};
use glmsg_kafka_wire::NewHeaders as Written;

use super::{HEADER, Origin, foreign};

/// The header that every event has.
pub(super) const SPEC_VERSION: &str = "ce_specversion";

/// Stands before an attribute's name in a header's.
const PREFIX: &str = "ce_";
/// The one attribute that has a header without the prefix.
const CONTENT_TYPE: &str = "datacontenttype";
/// An event that has it was written by glmsg.
const PROVENANCE: &str = "glmsgprovenance";
/// The attributes of a key.
const KEYS: [&str; 2] = ["partitionkey", "glmsgkey"];

/// The time of a record, where an event says none.
#[derive(Debug)]
pub(super) struct At(pub(super) Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The headers of a message as an event. What it is about is its topic's matter, so that is its
/// type.
pub(super) fn headers_of(message: &Message, source: &str) -> Result<Written> {
    // Specversion, id, source and type, four times glmsg's and the headers.
    let mut headers = Written::with_capacity(HEADER * (20 + message.headers().len()));
    let mut header = PREFIX.to_owned();
    message.to_cloudevent_attributes(source, message.topic().as_str(), |name, value| {
        if name == CONTENT_TYPE {
            headers.put(binding::CONTENT_TYPE, Some(value.as_bytes()));
        } else {
            header.truncate(PREFIX.len());
            header.push_str(name);
            headers.put(&header, Some(value.as_bytes()));
        }
    })?;
    Ok(headers)
}

/// Whether this is the content type of an event in structured mode, in JSON.
pub(super) fn is_structured(content_type: &[u8]) -> bool {
    let essence = content_type.split(|b| *b == b';').next();
    essence.is_some_and(|text| text.trim_ascii() == b"application/cloudevents+json")
}

/// The message of an event. One of others has the record's key where it names none, and keeps the
/// record's other headers; one of ours is exactly what was sent.
pub(super) fn read<'a>(
    topic: &TopicName,
    key: Option<&'a [u8]>,
    value: Bytes,
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    origin: &Origin<'_>,
) -> Result<Message> {
    let mut attributes = Vec::with_capacity(24);
    let mut content_type = None;
    for (name, value) in headers.clone() {
        if name == binding::CONTENT_TYPE {
            content_type = Some(text(CONTENT_TYPE, value)?);
        } else if let Some(name) = name.strip_prefix(PREFIX) {
            attributes.push((name, text(name, value)?));
        }
    }
    if let Some(content_type) = content_type {
        // Some say it in both ways.
        attributes.retain(|(name, _)| *name != CONTENT_TYPE);
        attributes.push((CONTENT_TYPE, content_type));
    }
    let has = |name: &str| attributes.iter().any(|(n, _)| *n == name);
    let is_ours = has(PROVENANCE);
    let names_key = KEYS.into_iter().any(has);
    let (key, note) = match key {
        Some(_) if !is_ours && !names_key => foreign::key(key),
        _ => (None, None),
    };
    if let Some(key) = &key {
        attributes.push((KEYS[0], key));
    }
    let clock = At(origin.time());
    let message = Message::from_cloudevent_attributes(attributes, value, topic.clone(), &clock)?;
    if is_ours {
        return Ok(message);
    }
    let beside = headers.filter(|(name, _)| !name.starts_with(PREFIX));
    with_others(message, beside.chain(note))
}

fn text<'a>(name: &str, value: Option<&'a [u8]>) -> Result<&'a str> {
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    text.ok_or_else(|| {
        let shown: String = name.chars().take(48).flat_map(char::escape_debug).collect();
        Error::new(ErrorKind::Codec, "not a valid CloudEvent: it is no text")
            .with("attribute", shown)
    })
}

/// The message with the headers that stand beside the event's, as far as it may carry them.
fn with_others<'a>(
    message: Message,
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
) -> Result<Message> {
    let mut allowed = Headers::new();
    let mut traceparent = None;
    for (name, value) in headers {
        let Some(Ok(value)) = value.map(std::str::from_utf8) else {
            continue;
        };
        if name == "traceparent" {
            traceparent = Some(value).filter(|_| message.traceparent().is_none());
        } else if name != binding::CONTENT_TYPE
            && !name.starts_with("gm-")
            && message.header(name).is_none()
        {
            // One that is not allowed is left out.
            let _ = allowed.insert(name, value);
        }
    }
    if allowed.is_empty() && traceparent.is_none() {
        return Ok(message);
    }
    let room = MAX_HEADERS - message.headers().len();
    let allowed = allowed.iter().take(room);
    let extended = allowed.fold(message.to_builder(), |builder, (name, value)| {
        builder.header(name, value)
    });
    let extended = extended.build()?;
    match traceparent {
        // One that is of another form is left out.
        Some(text) => Ok(extended
            .to_builder()
            .traceparent(text)
            .build()
            .unwrap_or(extended)),
        None => Ok(extended),
    }
}
