//! Records of a group's own topics: what comes back to the group, and its dead letters.
//!
//! Value and headers are those of the message, or the bytes that are none; what the group knows of
//! it stands in headers beside them.

use glmsg_core::limits::{MAX_PAYLOAD, max_envelope};
use glmsg_core::{Message, Result, Timestamp, TopicName, wire};
use glmsg_kafka_wire::NewHeaders as Written;

use crate::encode;
use crate::entry::{Content, Entry};
use crate::read_record::ReadRecord;

const ATTEMPTS: &str = "gm-attempts";
const HISTORY: &str = "gm-history";
const STORED: &str = "gm-stored";
const DUE: &str = "gm-due";
const EXPIRES: &str = "gm-expires";
const SCHEDULED: &str = "gm-scheduled";
const BYTES: &str = "gm-bytes";
const ORIGIN: &str = "gm-origin";

/// What is sent: value and headers.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Written,
}

fn time(headers: &mut Written, key: &str, at: Option<Timestamp>) {
    if let Some(at) = at {
        headers.put(key, Some(at.as_micros().to_string().as_bytes()));
    }
}

/// Writes an entry with all that is known of it.
pub(crate) fn write(entry: &Entry) -> Sent {
    let mut headers = Written::new();
    let value = match &entry.content {
        Content::Message(message) => wire::encode(message).to_vec(),
        Content::Bytes(bytes, why) => {
            headers.put(BYTES, Some(why.as_bytes()));
            bytes.to_vec()
        }
    };
    if entry.attempts > 0 {
        headers.put(ATTEMPTS, Some(entry.attempts.to_string().as_bytes()));
    }
    if !entry.history.is_empty() {
        headers.put(HISTORY, Some(&wire::encode_history(&entry.history)));
    }
    time(&mut headers, STORED, Some(entry.stored_at));
    time(&mut headers, DUE, entry.due);
    time(&mut headers, EXPIRES, entry.expires);
    if entry.is_scheduled {
        headers.put(SCHEDULED, Some(b"1"));
    }
    if let Some(origin) = &entry.origin {
        headers.put(ORIGIN, Some(origin.as_bytes()));
    }
    Sent { value, headers }
}

/// Reads an entry that was written by [`write`].
pub(crate) fn read(record: &impl ReadRecord) -> Entry {
    let value = record.kept_value();
    let arrived_at = record.stored_at();
    let stored_at = record
        .number_in(STORED)
        .map_or(arrived_at, Timestamp::from_micros);
    let content = match record.find_header(BYTES) {
        Some(why) => Content::Bytes(value, String::from_utf8_lossy(why).into()),
        None => match wire::decode(&value, max_envelope(MAX_PAYLOAD)) {
            Ok(message) => Content::Message(message),
            Err(error) => Content::Bytes(value, glmsg_core::clean_error_text(&error.to_string())),
        },
    };
    let attempts = record
        .number_in(ATTEMPTS)
        .and_then(|n| u32::try_from(n).ok());
    let attempts = attempts.unwrap_or(0);
    let history = record
        .find_header(HISTORY)
        .and_then(|bytes| wire::decode_history(bytes).ok());
    Entry {
        content,
        attempts,
        recorded: attempts,
        history: history.unwrap_or_default(),
        stored_at,
        arrived_at,
        expires: record.number_in(EXPIRES).map(Timestamp::from_micros),
        due: record.number_in(DUE).map(Timestamp::from_micros),
        is_scheduled: record.find_header(SCHEDULED).is_some(),
        is_back: false,
        lapsed: None,
        is_counted: false,
        origin: record
            .find_header(ORIGIN)
            .map(|at| String::from_utf8_lossy(at).into()),
    }
}

/// Reads a record of a topic itself, which anybody may have written.
pub(crate) fn read_published(topic: &TopicName, record: &impl ReadRecord) -> Entry {
    let stored_at = record.stored_at();
    match published(topic, record) {
        Ok(message) => {
            let due = message.schedule().due(stored_at);
            let mut entry = Entry::of_message(message, due.unwrap_or(stored_at));
            (entry.due, entry.is_scheduled) = (due, due.is_some());
            entry.arrived_at = stored_at;
            entry
        }
        Err(error) => {
            let value = record.kept_value();
            let why = glmsg_core::clean_error_text(&error.to_string());
            Entry {
                stored_at,
                arrived_at: stored_at,
                ..Entry::of_bytes(value, why)
            }
        }
    }
}

/// The message of a record.
pub(crate) fn published(topic: &TopicName, record: &impl ReadRecord) -> Result<Message> {
    encode::decode_record(topic, record)
}

/// Of a message that was published for later: when it is due, that it is scheduled, and when it
/// counts as stored. Nothing of one that cannot be read: it is due.
pub(crate) fn due_of_published(
    record: &impl ReadRecord,
) -> Option<(Option<Timestamp>, bool, Timestamp)> {
    let topic = TopicName::new("any").ok()?;
    let entry = read_published(&topic, record);
    Some((entry.due, entry.is_scheduled, entry.stored_at))
}
