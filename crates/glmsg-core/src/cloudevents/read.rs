//! A message from an untrusted event.

use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::attribute::{ID_HEADER, PREFIX, SOURCE_HEADER, TYPE_HEADER, is_name};
use crate::json_form::Members;
use crate::limits::{MAX_MILLIS, MAX_RETRIES};
use crate::message::check;
use crate::{
    Clock, ContentType, Error, Message, MessageBuilder, MessageId, Provenance, Result, TopicName,
};

/// Stands before what the id of an event from elsewhere is derived from.
const ID_DOMAIN: &[u8] = b"glmsg/v1/cloudevent-id\0";

/// `beside` is the data where it does not stand in the event.
pub(super) fn read(
    mut event: Members<'_>,
    beside: Option<Bytes>,
    topic: TopicName,
    clock: &dyn Clock,
) -> Result<Message> {
    let version = required(&mut event, "specversion")?;
    if version != "1.0" {
        return Err(event.wrong("specversion", "only 1.0 is known"));
    }
    let id = required(&mut event, "id")?;
    let source = required(&mut event, "source")?;
    let event_type = required(&mut event, "type")?;
    let own = event.parsed::<Provenance>("glmsgprovenance")?;
    let given = event.parsed::<MessageId>("glmsgid")?;

    let mut builder = Message::builder(topic);
    if own.is_none() {
        // A message of ours has these in its headers, or never had them.
        builder = header(&event, builder, SOURCE_HEADER, "source", &source)?;
        builder = header(&event, builder, TYPE_HEADER, "type", &event_type)?;
        if id
            .parse::<MessageId>()
            .is_ok_and(|own| own.to_string() == id)
        {
            builder = builder.id(id.parse()?);
        } else {
            builder = header(&event, builder, ID_HEADER, "id", &id)?;
            builder = builder.id(derived(&source, &id));
        }
    } else if given.is_none() {
        return Err(event.wrong("glmsgid", "it is missing"));
    }
    if let Some(id) = given {
        builder = builder.id(id);
    }
    builder = fields(&mut event, builder)?.claim(own);
    builder = match beside {
        None => data(&mut event, builder)?,
        Some(payload) => {
            let declared = event.parsed::<ContentType>("datacontenttype")?;
            builder
                .payload(payload)
                .content_type(declared.unwrap_or(ContentType::BYTES))
        }
    };
    // The topic is the caller's to say; this one only tells which it was.
    let _ = event.raw("glmsgtopic");
    extensions(event, builder)?
        .build_at(clock)
        .map_err(|e| Members::empty("CloudEvent").wrong_message(e))
}

fn required(event: &mut Members<'_>, name: &'static str) -> Result<String> {
    match event.text(name)? {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(event.wrong(name, "it is missing or empty")),
    }
}

/// The id of an event whose own is no UUID: it is unique together with its source, so both go in,
/// and the same event always gets the same one.
fn derived(source: &str, id: &str) -> MessageId {
    let hash = Sha256::new_with_prefix(ID_DOMAIN)
        .chain_update((source.len() as u64).to_be_bytes())
        .chain_update(source)
        .chain_update(id)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    // A UUID of version 8: made by a rule of our own.
    bytes[6] = 0x80 | bytes[6] & 0x0F;
    bytes[8] = 0x80 | bytes[8] & 0x3F;
    MessageId::from_bytes(bytes)
}

fn fields(event: &mut Members<'_>, mut builder: MessageBuilder) -> Result<MessageBuilder> {
    builder = event.set(builder, "time", MessageBuilder::created_at)?;
    builder = event.set(builder, "glmsgpriority", MessageBuilder::priority)?;
    builder = event.set(builder, "glmsgreplyto", MessageBuilder::reply_to)?;
    builder = event.set(builder, "glmsgdeliverat", MessageBuilder::deliver_at)?;
    if let Some(key) = event.checked("partitionkey", check::key)? {
        builder = builder.key(key);
    }
    if let Some(key) = event.base64("glmsgkey")? {
        let key = String::from_utf8(key.into());
        let key = key.map_err(|_| event.wrong("glmsgkey", "it is not UTF-8"))?;
        check::key(&key).map_err(|e| event.refused("glmsgkey", e))?;
        builder = builder.key(key);
    }
    if let Some(id) = event.checked("correlationid", check::correlation_id)? {
        builder = builder.correlation_id(id);
    }
    if let Some(traceparent) = event.checked("traceparent", check::traceparent)? {
        builder = builder.traceparent(traceparent);
    }
    if let Some(ttl) = event.integer("glmsgttlms", MAX_MILLIS)? {
        builder = builder.ttl(Duration::from_millis(ttl));
    }
    if let Some(delay) = event.integer("glmsgdelayms", MAX_MILLIS)? {
        if builder.is_scheduled() {
            return Err(event.wrong("glmsgdelayms", "it excludes glmsgdeliverat"));
        }
        builder = builder.delay(Duration::from_millis(delay));
    }
    if let Some(retries) = event.integer("glmsgmaxretries", MAX_RETRIES.into())? {
        builder = builder.max_retries(u16::try_from(retries).unwrap_or(u16::MAX));
    }
    if let Some(headers) = event.text("glmsgheaders")? {
        let headers = Members::parse(&headers, "CloudEvent", "header")
            .and_then(Members::texts)
            .map_err(|e| event.refused("glmsgheaders", e))?;
        for (name, value) in headers {
            builder = header(event, builder, &name, "glmsgheaders", &value)?;
        }
    }
    Ok(builder)
}

fn data(event: &mut Members<'_>, builder: MessageBuilder) -> Result<MessageBuilder> {
    let declared = event.parsed::<ContentType>("datacontenttype")?;
    let data = event.raw("data");
    let bytes = event.base64("data_base64")?;
    let content_type = match (declared, data) {
        (Some(declared), _) => declared,
        // So says the specification of the JSON format.
        (None, Some(_)) => ContentType::JSON,
        (None, None) => ContentType::BYTES,
    };
    let payload = match (data, bytes) {
        (None, None) => Default::default(),
        (None, Some(bytes)) => bytes,
        (Some(data), None) => event.payload(data, "data", content_type.is_json())?,
        (Some(_), Some(_)) => return Err(event.wrong("data_base64", "it excludes data")),
    };
    Ok(builder.payload(payload).content_type(content_type))
}

/// Attributes without a field of their own become headers.
fn extensions(event: Members<'_>, mut builder: MessageBuilder) -> Result<MessageBuilder> {
    let wrong = Members::empty("CloudEvent");
    for (name, raw) in event.rest() {
        if raw.get() == "null" {
            continue;
        }
        if !is_name(&name) {
            return Err(wrong.wrong(&name, "a name is made of a-z and 0-9 only"));
        }
        let Some(value) = simple(raw) else {
            return Err(wrong.wrong(&name, "a value is a string, a number or a boolean"));
        };
        let as_header = format!("{PREFIX}{name}");
        builder = header(&wrong, builder, &as_header, &name, &value)?;
    }
    Ok(builder)
}

fn simple(raw: &RawValue) -> Option<String> {
    match raw.get().as_bytes().first()? {
        b'"' => serde_json::from_str(raw.get()).ok(),
        b'{' | b'[' => None,
        _ => Some(raw.get().to_owned()),
    }
}

/// Sets a header; an error names the attribute that it came from.
fn header(
    event: &Members<'_>,
    mut builder: MessageBuilder,
    name: &str,
    attribute: &str,
    value: &str,
) -> Result<MessageBuilder> {
    let set = builder.set_header(name, value);
    set.map_err(|e: Error| event.refused(attribute, e))?;
    Ok(builder)
}
