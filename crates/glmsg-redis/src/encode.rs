//! What goes to the server and what comes back.

use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::StoredError;
use glmsg_core::limits::{MAX_MILLIS, MAX_PAYLOAD, max_envelope};
use glmsg_core::{Error, ErrorKind, History, Message, Priority, Result, Schedule, Timestamp, wire};
use redis::{Cmd, Value};

use crate::error::server_error;

/// Whole milliseconds, rounded up: nothing is due too early.
pub(crate) fn millis(duration: Duration) -> u64 {
    let up = duration.as_nanos().div_ceil(1_000_000);
    u64::try_from(up).unwrap_or(u64::MAX).min(MAX_MILLIS)
}

/// Whether the step for the usual publish takes it.
pub(crate) fn is_usual(message: &Message) -> bool {
    message.priority() == Priority::Normal
        && message.ttl().is_none()
        && message.schedule() == Schedule::Now
}

/// Appends a message to the publish step's arguments.
pub(crate) fn put(call: &mut Cmd, message: &Message) {
    call.arg(message.priority().as_u8())
        .arg(message.id().as_bytes().as_slice());
    match message.ttl() {
        Some(ttl) => call.arg(millis(ttl)),
        None => call.arg(""),
    };
    match message.schedule() {
        Schedule::Now => call.arg(""),
        Schedule::After(delay) => call.arg(format!("+{}", millis(delay))),
        Schedule::At(at) => {
            let due = at.as_micros().saturating_add(999).div_euclid(1000).max(0);
            call.arg(format!("@{due}"))
        }
    };
    call.arg(wire::encode(message).as_ref());
}

/// The message of an envelope, by whatever limit was in force when it was stored.
pub(crate) fn decode(body: &Bytes) -> Result<Message> {
    decode_next(body, &mut wire::Decoder::default())
}

/// As [`decode`], for one of several messages of a topic.
pub(crate) fn decode_next(body: &Bytes, decoder: &mut wire::Decoder) -> Result<Message> {
    decoder.decode(body, max_envelope(MAX_PAYLOAD))
}

/// The history as stored; what cannot be read is lost, not the message.
pub(crate) fn decode_history(bytes: &[u8]) -> History {
    wire::decode_history(bytes).unwrap_or_default()
}

/// A message read without a group.
pub(crate) fn stored(body: &Bytes) -> Result<Message, StoredError> {
    decode(body).map_err(|e| StoredError {
        error: e.to_string(),
    })
}

/// Milliseconds of the server's clock as a time.
pub(crate) fn time_of_millis(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis.saturating_mul(1000))
}

fn surprise(what: &str, got: &Value) -> Error {
    let kind = match got {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) => "text",
        Value::Array(_) => "a list",
        _ => "something else",
    };
    Error::new(
        ErrorKind::Unexpected,
        format!("the server answered with {kind} where {what} was expected"),
    )
}

/// The value, unless it is an error of the server's.
pub(crate) fn fine(value: Value) -> Result<Value> {
    match value {
        Value::ServerError(error) => Err(server_error(&error)),
        value => Ok(value),
    }
}

pub(crate) fn list(value: Value) -> Result<Vec<Value>> {
    match fine(value)? {
        Value::Array(items) => Ok(items),
        Value::Nil => Ok(Vec::new()),
        other => Err(surprise("a list", &other)),
    }
}

pub(crate) fn bytes(value: Value) -> Result<Bytes> {
    match fine(value)? {
        Value::BulkString(bytes) => Ok(bytes.into()),
        Value::SimpleString(text) => Ok(text.into()),
        Value::Okay => Ok(Bytes::from_static(b"OK")),
        other => Err(surprise("text", &other)),
    }
}

pub(crate) fn text(value: Value) -> Result<String> {
    let bytes = bytes(value)?;
    String::from_utf8(bytes.into()).map_err(|_| surprise("UTF-8 text", &Value::Boolean(false)))
}

pub(crate) fn number(value: Value) -> Result<i64> {
    match fine(value)? {
        Value::Int(number) => Ok(number),
        other => {
            let text = text(other)?;
            text.parse()
                .map_err(|_| surprise("a number", &Value::BulkString(Vec::new())))
        }
    }
}

pub(crate) fn count(value: Value) -> Result<u64> {
    Ok(u64::try_from(number(value)?).unwrap_or(0))
}

/// The next item of a list.
pub(crate) fn next(items: &mut impl Iterator<Item = Value>) -> Result<Value> {
    items
        .next()
        .ok_or_else(|| surprise("a longer list", &Value::Nil))
}
