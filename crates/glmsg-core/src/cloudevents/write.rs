//! A message as an event.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::attribute::{ID_HEADER, SOURCE_HEADER, TYPE_HEADER, is_text, of_header};
use crate::json_form::{Nested, Object};
use crate::{Error, ErrorKind, Message, Result, Schedule, Timestamp};

pub(super) fn write(message: &Message, source: &str, event_type: &str) -> Result<String> {
    let mut event = Object::new();
    attributes(
        message,
        source,
        event_type,
        &mut |name, value| match value {
            Value::Text(text) => event.text(name, text),
            Value::Integer(n) => event.raw(name, &n.to_string()),
        },
    )?;
    match Nested::of(message, true) {
        Nested::Json(text) => event.raw("data", text),
        Nested::Text(text) => event.text("data", text),
        // The two exclude each other, and only one keeps the bytes.
        Nested::Minified(_) | Nested::Bytes => event.base64("data_base64", message.payload()),
    }
    Ok(event.finish())
}

/// The value of an attribute.
pub(super) enum Value<'a> {
    Text(&'a str),
    Integer(u16),
}

/// Hands out everything but the data.
pub(super) fn attributes(
    message: &Message,
    source: &str,
    event_type: &str,
    put: &mut dyn FnMut(&str, Value<'_>),
) -> Result<()> {
    let kept = |header: &str| message.header(header).filter(|v| is_text(v));
    let source = required("source", kept(SOURCE_HEADER).unwrap_or(source))?;
    let event_type = required("type", kept(TYPE_HEADER).unwrap_or(event_type))?;
    message.0.novelty.end();
    let id = message.id().to_string();

    let mut text = |name: &str, value: &str| put(name, Value::Text(value));
    text("specversion", "1.0");
    text("id", kept(ID_HEADER).unwrap_or(&id));
    text("source", source);
    text("type", event_type);
    text("time", &time("time", message.created_at())?);
    text("glmsgid", &id);
    text("glmsgtopic", message.topic().as_str());
    text("glmsgpriority", message.priority().as_str());
    if let Some(key) = message.key() {
        // A key may be empty or hold anything, an attribute may not.
        if is_text(key) {
            text("partitionkey", key);
        } else {
            text("glmsgkey", &BASE64_STANDARD.encode(key));
        }
    }
    if let Some(id) = message.correlation_id() {
        text("correlationid", id);
    }
    if let Some(topic) = message.reply_to() {
        text("glmsgreplyto", topic.as_str());
    }
    // Integers of CloudEvents have 32 bits, so milliseconds are strings.
    if let Some(ttl) = message.ttl() {
        text("glmsgttlms", &ttl.as_millis().to_string());
    }
    match message.schedule() {
        Schedule::Now => {}
        Schedule::After(delay) => text("glmsgdelayms", &delay.as_millis().to_string()),
        Schedule::At(at) => text("glmsgdeliverat", &time("glmsgdeliverat", at)?),
    }
    put("glmsgmaxretries", Value::Integer(message.max_retries()));
    let mut text = |name: &str, value: &str| put(name, Value::Text(value));
    if let Some(traceparent) = message.traceparent() {
        text("traceparent", traceparent);
    }
    headers(message, &mut text);
    text("glmsgprovenance", &message.provenance().to_string());
    text("datacontenttype", message.content_type().as_str());
    Ok(())
}

fn headers(message: &Message, text: &mut dyn FnMut(&str, &str)) {
    let mut others = Object::new();
    let mut any = false;
    for (name, value) in message.headers().iter() {
        match of_header(name, value) {
            Some(attribute) => text(attribute, value),
            None => {
                others.text(name, value);
                any = true;
            }
        }
    }
    if any {
        text("glmsgheaders", &others.finish());
    }
}

fn required<'a>(attribute: &'static str, value: &'a str) -> Result<&'a str> {
    if is_text(value) {
        return Ok(value);
    }
    let why = "the attribute of a CloudEvent is empty or holds control characters";
    Err(Error::new(ErrorKind::InvalidArgument, why).with("attribute", attribute))
}

fn time(attribute: &'static str, at: Timestamp) -> Result<String> {
    let text = at.to_string();
    if text.ends_with('Z') {
        return Ok(text);
    }
    let why = "a CloudEvent can only say times in the years 0 to 9999";
    Err(Error::new(ErrorKind::InvalidArgument, why)
        .with("attribute", attribute)
        .with("got", text))
}
