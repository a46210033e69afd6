//! A message as one JSON object.

mod payload;
mod read;
mod write;

pub(crate) use payload::{Nested, minified};
pub(crate) use read::Members;
pub(crate) use write::Object;

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::codec::check_json_nested;
use crate::limits::{MAX_MILLIS, MAX_NESTING, MAX_RETRIES};
use crate::message::check;
use crate::{
    Clock, ContentType, Message, MessageBuilder, Provenance, Result, Schedule, SystemClock,
    TopicName,
};

impl Message {
    /// The message as one JSON object on one line, from which [`from_json`](Self::from_json) makes
    /// an equal message.
    ///
    /// Members: `id topic priority payload headers key created_at correlation_id reply_to ttl_ms
    /// delay_ms deliver_at max_retries traceparent content_type provenance`; those that the message
    /// has not are left out. A JSON payload is nested byte for byte; text is a string; other bytes
    /// are in `payload_base64`. A JSON payload with line breaks (or blanks around it) is nested
    /// without them, and its exact bytes stand in `payload_base64` as well.
    ///
    /// ```
    /// use glmsg_core::Message;
    ///
    /// let message = Message::json("flights", &["DTW", "LAS"])?;
    /// let form = message.to_json();
    /// assert!(form.contains(r#""payload":["DTW","LAS"]"#));
    /// assert_eq!(Message::from_json(form.as_bytes())?, message);
    /// # Ok::<(), glmsg_core::Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        form(self, true).finish()
    }

    /// [`to_json`](Self::to_json) with more members at the end, such as the attempt. Names that the
    /// form has itself make it unreadable.
    pub fn to_json_with(&self, more: &[(&str, Value)]) -> String {
        let mut object = form(self, true);
        for (name, value) in more {
            object.raw(name, &value.to_string());
        }
        object.finish()
    }

    /// [`to_json`](Self::to_json) as a value. Where parsing loses something of a JSON payload (the
    /// order of members, the spelling of numbers), its exact bytes stand in `payload_base64`, too.
    pub fn to_json_value(&self) -> Value {
        let parsed = serde_json::from_str(&self.to_json());
        // A payload may be valid JSON and still not fit a value: a number out of range.
        let parsed = parsed.or_else(|_| serde_json::from_str(&form(self, false).finish()));
        let mut value: Value = parsed.unwrap_or_default();
        if let Value::Object(members) = &mut value {
            let nested = members
                .get("payload")
                .filter(|_| self.content_type().is_json());
            if nested.is_some_and(|p| p.to_string().as_bytes() != self.payload()) {
                let exact = BASE64_STANDARD.encode(self.payload());
                members.insert("payload_base64".to_owned(), exact.into());
            }
        }
        value
    }

    /// The message of an object as [`to_json`](Self::to_json) writes it. Only `topic` must be
    /// there; the rest defaults as in the builder, with JSON for the content type if there is a
    /// `payload`. Members that the form has not are ignored. What stands in `provenance` is kept as
    /// a claim for [`verify`](Self::verify).
    ///
    /// # Errors
    /// `Codec` that names the member, `TooLarge` for one over its limit.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        Self::from_json_at(json, &SystemClock)
    }

    /// [`from_json`](Self::from_json) with `clock` for a creation time that is not given.
    ///
    /// # Errors
    /// As `from_json`.
    pub fn from_json_at(json: &[u8], clock: &dyn Clock) -> Result<Self> {
        let text = check_json_nested(json, MAX_NESTING + 1)
            .map_err(|e| e.with("in", "the JSON form of a message"))?;
        let mut members = Members::parse(text, "JSON form of a message", "member")?;
        read(&mut members)?
            .build_at(clock)
            .map_err(|e| members.wrong_message(e))
    }
}

fn form(message: &Message, nest: bool) -> Object {
    message.0.novelty.end();
    let mut object = Object::new();
    object.text("id", &message.id().to_string());
    object.text("topic", message.topic().as_str());
    object.text("priority", message.priority().as_str());
    match Nested::of(message, nest) {
        Nested::Json(text) => object.raw("payload", text),
        Nested::Text(text) => object.text("payload", text),
        Nested::Minified(text) => {
            object.raw("payload", &text);
            object.base64("payload_base64", message.payload());
        }
        Nested::Bytes => object.base64("payload_base64", message.payload()),
    }
    let mut headers = Object::new();
    for (name, value) in message.headers().iter() {
        headers.text(name, value);
    }
    object.raw("headers", &headers.finish());
    if let Some(key) = message.key() {
        object.text("key", key);
    }
    object.text("created_at", &message.created_at().to_string());
    if let Some(id) = message.correlation_id() {
        object.text("correlation_id", id);
    }
    if let Some(topic) = message.reply_to() {
        object.text("reply_to", topic.as_str());
    }
    if let Some(ttl) = message.ttl() {
        object.raw("ttl_ms", &ttl.as_millis().to_string());
    }
    match message.schedule() {
        Schedule::Now => {}
        Schedule::After(delay) => object.raw("delay_ms", &delay.as_millis().to_string()),
        Schedule::At(at) => object.text("deliver_at", &at.to_string()),
    }
    object.raw("max_retries", &message.max_retries().to_string());
    if let Some(traceparent) = message.traceparent() {
        object.text("traceparent", traceparent);
    }
    object.text("content_type", message.content_type().as_str());
    let provenance = message.provenance();
    let mut claim = Object::new();
    claim.text("level", provenance.level());
    if let Provenance::Mac { key_id, .. } = provenance {
        claim.text("key_id", key_id);
    }
    claim.text("digest", crate::hex::hex(provenance.digest()).as_str());
    object.raw("provenance", &claim.finish());
    object
}

fn read(members: &mut Members<'_>) -> Result<MessageBuilder> {
    let Some(topic) = members.parsed::<TopicName>("topic")? else {
        return Err(members.wrong("topic", "it is missing"));
    };
    let mut builder = Message::builder(topic);
    builder = members.set(builder, "id", MessageBuilder::id)?;
    builder = members.set(builder, "priority", MessageBuilder::priority)?;
    builder = members.set(builder, "created_at", MessageBuilder::created_at)?;
    builder = members.set(builder, "reply_to", MessageBuilder::reply_to)?;
    builder = members.set(builder, "deliver_at", MessageBuilder::deliver_at)?;
    if let Some(key) = members.checked("key", check::key)? {
        builder = builder.key(key);
    }
    if let Some(id) = members.checked("correlation_id", check::correlation_id)? {
        builder = builder.correlation_id(id);
    }
    if let Some(traceparent) = members.checked("traceparent", check::traceparent)? {
        builder = builder.traceparent(traceparent);
    }
    if let Some(ttl) = members.integer("ttl_ms", MAX_MILLIS)? {
        builder = builder.ttl(Duration::from_millis(ttl));
    }
    if let Some(delay) = members.integer("delay_ms", MAX_MILLIS)? {
        if builder.is_scheduled() {
            return Err(members.wrong("delay_ms", "it excludes deliver_at"));
        }
        builder = builder.delay(Duration::from_millis(delay));
    }
    if let Some(retries) = members.integer("max_retries", MAX_RETRIES.into())? {
        builder = builder.max_retries(u16::try_from(retries).unwrap_or(u16::MAX));
    }
    if let Some(headers) = members.object("headers")? {
        for (name, value) in headers.texts()? {
            let set = builder.set_header(&name, &value);
            set.map_err(|e| members.refused("headers", e))?;
        }
    }
    if let Some(mut claim) = members.object("provenance")? {
        let level = claim.text("level")?.unwrap_or_default();
        let digest = claim.text("digest")?.unwrap_or_default();
        let claim = Provenance::from_parts(&level, claim.text("key_id")?.as_deref(), &digest);
        let claim = claim.map_err(|e| members.refused("provenance", e))?;
        builder = builder.claim(Some(claim));
    }
    payload(members, builder)
}

fn payload(members: &mut Members<'_>, builder: MessageBuilder) -> Result<MessageBuilder> {
    let nested = members.raw("payload");
    let exact = members.base64("payload_base64")?;
    let content_type = match (members.text("content_type")?, nested) {
        (Some(text), _) => {
            ContentType::new(&text).map_err(|e| members.refused("content_type", e))?
        }
        (None, Some(_)) => ContentType::JSON,
        (None, None) => ContentType::BYTES,
    };
    let payload = match (nested, exact) {
        (None, None) => Bytes::new(),
        (None, Some(exact)) => exact,
        (Some(nested), None) => members.payload(nested, "payload", content_type.is_json())?,
        (Some(nested), Some(exact)) if same_json(nested, &exact) => exact,
        _ => return Err(members.wrong("payload_base64", "it is not what stands in payload")),
    };
    Ok(builder.payload(payload).content_type(content_type))
}

/// Whether both are one document: the same but for blanks, or at least the same when parsed.
fn same_json(nested: &RawValue, exact: &[u8]) -> bool {
    let Ok(exact) = check_json_nested(exact, MAX_NESTING) else {
        return false;
    };
    let value = |text: &str| serde_json::from_str::<Value>(text).ok();
    minified(nested.get()) == minified(exact)
        || value(exact).is_some_and(|v| value(nested.get()) == Some(v))
}
