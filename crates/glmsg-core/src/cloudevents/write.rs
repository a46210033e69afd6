//! A message as an event.

use super::attribute::{ID_HEADER, SOURCE_HEADER, TYPE_HEADER, is_text, of_header};
use crate::json_form::{Nested, Object};
use crate::{Error, ErrorKind, Message, Result, Schedule, Timestamp};

pub(super) fn write(message: &Message, source: &str, event_type: &str) -> Result<String> {
    let kept = |header: &str| message.header(header).filter(|v| is_text(v));
    let source = required("source", kept(SOURCE_HEADER).unwrap_or(source))?;
    let event_type = required("type", kept(TYPE_HEADER).unwrap_or(event_type))?;
    message.0.novelty.end();
    let id = message.id().to_string();

    let mut event = Object::new();
    event.text("specversion", "1.0");
    event.text("id", kept(ID_HEADER).unwrap_or(&id));
    event.text("source", source);
    event.text("type", event_type);
    event.text("time", &time("time", message.created_at())?);
    event.text("glmsgid", &id);
    event.text("glmsgtopic", message.topic().as_str());
    event.text("glmsgpriority", message.priority().as_str());
    if let Some(key) = message.key() {
        // A key may be empty or hold anything, an attribute may not.
        if is_text(key) {
            event.text("partitionkey", key);
        } else {
            event.base64("glmsgkey", key.as_bytes());
        }
    }
    if let Some(id) = message.correlation_id() {
        event.text("correlationid", id);
    }
    if let Some(topic) = message.reply_to() {
        event.text("glmsgreplyto", topic.as_str());
    }
    // Integers of CloudEvents have 32 bits, so milliseconds are strings.
    if let Some(ttl) = message.ttl() {
        event.text("glmsgttlms", &ttl.as_millis().to_string());
    }
    match message.schedule() {
        Schedule::Now => {}
        Schedule::After(delay) => event.text("glmsgdelayms", &delay.as_millis().to_string()),
        Schedule::At(at) => event.text("glmsgdeliverat", &time("glmsgdeliverat", at)?),
    }
    event.raw("glmsgmaxretries", &message.max_retries().to_string());
    if let Some(traceparent) = message.traceparent() {
        event.text("traceparent", traceparent);
    }
    headers(message, &mut event);
    event.text("glmsgprovenance", &message.provenance().to_string());
    event.text("datacontenttype", message.content_type().as_str());
    match Nested::of(message, true) {
        Nested::Json(text) => event.raw("data", text),
        Nested::Text(text) => event.text("data", text),
        // The two exclude each other, and only one keeps the bytes.
        Nested::Minified(_) | Nested::Bytes => event.base64("data_base64", message.payload()),
    }
    Ok(event.finish())
}

fn headers(message: &Message, event: &mut Object) {
    let mut others = Object::new();
    let mut any = false;
    for (name, value) in message.headers().iter() {
        match of_header(name, value) {
            Some(attribute) => event.text(attribute, value),
            None => {
                others.text(name, value);
                any = true;
            }
        }
    }
    if any {
        event.text("glmsgheaders", &others.finish());
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
