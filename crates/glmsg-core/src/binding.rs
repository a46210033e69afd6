//! A message as headers beside its payload, for protocols that have both: `docs/wire-format.md`,
//! "Carrying a message on Redis and Kafka".
//!
//! The payload and the key are the protocol's own, and the topic is where the message is found.
//! [`write()`] hands out everything else as headers, and [`read()`] puts the message together again,
//! with the provenance it was sent with.
//!
//! ```
//! use bytes::Bytes;
//! use glmsg_core::{Message, MessageId, Timestamp, binding};
//!
//! let message = Message::builder("flights").payload("DTW-LAS").key("DTW").build()?;
//! let mut headers = Vec::new();
//! binding::write(&message, |name, value| headers.push((name.to_owned(), value.to_owned())));
//!
//! let headers = headers.iter().map(|(name, value)| (&**name, Some(value.as_bytes())));
//! let unnamed = || MessageId::from_bytes([0; 16]);
//! let back = binding::read(
//!     message.topic().clone(),
//!     message.key(),
//!     message.payload().clone(),
//!     headers,
//!     binding::Absent { id: unnamed, created_at: Timestamp::EPOCH },
//! )?;
//! back.verify()?;
//! assert_eq!(back, message);
//! # Ok::<(), glmsg_core::Error>(())
//! ```

mod read;
mod stack;

use uuid::Uuid;

pub use read::{Absent, read};

use crate::{ContentType, Message, Priority, Schedule};
use stack::Stack;

/// The header of the id.
pub const ID: &str = "gm-id";
/// The header of the content type.
pub const CONTENT_TYPE: &str = "content-type";

const PREFIX: &str = "gm-";
const TRACEPARENT: &str = "traceparent";
const PRIORITY: &str = "gm-priority";
const CREATED: &str = "gm-created";
const TTL: &str = "gm-ttl";
const DELAY: &str = "gm-delay-ms";
const DELIVER_AT: &str = "gm-deliver-at";
const CORRELATION_ID: &str = "gm-correlation-id";
const REPLY_TO: &str = "gm-reply-to";
const MAX_RETRIES: &str = "gm-max-retries";
const PROVENANCE: &str = "gm-provenance";
/// Stands before the name of a header of the message's own that would be taken for one of these.
const ESCAPE: &str = "gm-header-";

/// The longest value made here: the provenance of a signed message, `hmac-sha256:`, 64 characters
/// of a key's id, a colon and 64 digits.
const LONGEST: usize = 160;
/// An escape and the longest name.
const LONGEST_NAME: usize = ESCAPE.len() + crate::limits::MAX_HEADER_NAME;

/// Hands the name and the value of each header to `put`. What is at its default is left out:
/// normal priority, 3 retries, `application/octet-stream`. Nothing is allocated, and the content
/// is hashed if it was not before.
pub fn write(message: &Message, mut put: impl FnMut(&str, &str)) {
    message.0.novelty.end();
    let id = Uuid::from_bytes(*message.id().as_bytes());
    put(ID, id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    let mut text = Stack::<LONGEST>::new();
    let mut number = |name: &str, value: i128| put(name, text.of(format_args!("{value}")));
    number(CREATED, message.created_at().as_micros().into());
    if let Some(ttl) = message.ttl() {
        number(TTL, millis(ttl));
    }
    match message.schedule() {
        Schedule::Now => {}
        Schedule::After(delay) => number(DELAY, millis(delay)),
        Schedule::At(at) => number(DELIVER_AT, at.as_micros().into()),
    }
    if message.max_retries() != Message::DEFAULT_MAX_RETRIES {
        number(MAX_RETRIES, message.max_retries().into());
    }
    if message.priority() != Priority::Normal {
        put(PRIORITY, message.priority().as_str());
    }
    if let Some(id) = message.correlation_id() {
        put(CORRELATION_ID, id);
    }
    if let Some(topic) = message.reply_to() {
        put(REPLY_TO, topic.as_str());
    }
    if *message.content_type() != ContentType::BYTES {
        put(CONTENT_TYPE, message.content_type().as_str());
    }
    if let Some(traceparent) = message.traceparent() {
        put(TRACEPARENT, traceparent);
    }
    put(
        PROVENANCE,
        text.of(format_args!("{}", message.provenance())),
    );
    for (name, value) in message.headers().iter() {
        if is_taken(name) {
            let mut escaped = Stack::<LONGEST_NAME>::new();
            put(escaped.of(format_args!("{ESCAPE}{name}")), value);
        } else {
            put(name, value);
        }
    }
}

/// How many headers [`write()`] hands out at most.
pub fn most_headers(message: &Message) -> usize {
    11 + message.headers().len()
}

/// Whether a header of this name is the binding's.
fn is_taken(name: &str) -> bool {
    name.starts_with(PREFIX) || name == CONTENT_TYPE || name == TRACEPARENT
}

/// The builder keeps durations in whole milliseconds below 2^53.
fn millis(d: std::time::Duration) -> i128 {
    i128::try_from(d.as_millis()).unwrap_or(i128::MAX)
}
