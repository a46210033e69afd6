//! Messages as the store keeps them: envelopes of the wire format.

use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{Received, StoredError};
use glmsg_core::limits::{MAX_PAYLOAD, max_envelope};
use glmsg_core::{
    Error, ErrorKind, History, Message, MessageId, Result, Schedule, Timestamp, TopicName, wire,
};

use crate::wake::Raw;

/// A batch with its envelopes, made in the task that publishes. What the writer needs to know of a
/// message stands together here: looking it up in the messages, which another core has just
/// touched, costs the writer as much as storing them.
#[derive(Debug)]
pub(crate) struct Encoded {
    entries: Vec<Entry>,
    /// Each topic with how many messages in a row go to it.
    runs: Vec<(TopicName, usize)>,
    /// All envelopes one after the other.
    bytes: Vec<u8>,
    max_payload: usize,
}

/// What the writer needs to know of a message.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: MessageId,
    pub(crate) lane: u8,
    pub(crate) max_attempts: u32,
    pub(crate) key: Option<Box<str>>,
    ttl: Option<Duration>,
    schedule: Schedule,
    /// Where its envelope ends.
    end: usize,
    /// The size of its payload, if that is over the limit.
    excess: Option<usize>,
}

impl Entry {
    /// When it becomes deliverable, if it is stored now; `None` for at once.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        self.schedule.due(now)
    }

    /// When it stops being worth delivering, if it is stored now.
    pub(crate) fn expires(&self, now: Timestamp) -> Option<Timestamp> {
        let ttl = self.ttl?;
        Some(self.due(now).unwrap_or(now).after(ttl))
    }
}

impl Encoded {
    pub(crate) fn new(messages: &[Message], max_payload: usize) -> Self {
        let expected = messages.iter().map(|m| m.payload().len() + 192).sum();
        let mut bytes = Vec::with_capacity(expected);
        let mut entries = Vec::with_capacity(messages.len());
        let mut runs: Vec<(TopicName, usize)> = Vec::new();
        for message in messages {
            let size = message.payload().len();
            let excess = (size > max_payload).then_some(size);
            if excess.is_none() {
                wire::encode_into(message, &mut bytes);
            }
            entries.push(Entry {
                id: message.id(),
                lane: message.priority().as_u8(),
                max_attempts: message.max_attempts(),
                key: message.key().map(Into::into),
                ttl: message.ttl(),
                schedule: message.schedule(),
                end: bytes.len(),
                excess,
            });
            match runs.last_mut() {
                Some((topic, count)) if topic == message.topic() => *count += 1,
                _ => runs.push((message.topic().clone(), 1)),
            }
        }
        Self {
            entries,
            runs,
            bytes,
            max_payload,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Each topic with how many messages in a row go to it.
    pub(crate) fn runs(&self) -> &[(TopicName, usize)] {
        &self.runs
    }

    /// How many bytes the envelopes have.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// A message and its envelope; the error for one that is too large.
    pub(crate) fn get(&self, at: usize, topic: &TopicName) -> Result<(&Entry, &[u8])> {
        let entry = &self.entries[at];
        if let Some(got) = entry.excess {
            let limit = self.max_payload;
            let text = format!("the payload has {got} bytes, this broker takes {limit}");
            return Err(Error::new(ErrorKind::TooLarge, text)
                .operation("publish")
                .with("topic", topic));
        }
        let before = at.checked_sub(1).map(|before| self.entries[before].end);
        Ok((entry, &self.bytes[before.unwrap_or(0)..entry.end]))
    }
}

/// The message of an envelope that was stored, by whatever limit was in force then.
pub(crate) fn decode(body: &Bytes) -> Result<Message> {
    wire::decode(body, max_envelope(MAX_PAYLOAD))
}

/// The history as stored; what cannot be read is lost, not the message.
pub(crate) fn decode_history(bytes: Option<&[u8]>) -> History {
    let history = bytes.map(wire::decode_history);
    history.and_then(Result::ok).unwrap_or_default()
}

pub(crate) fn encode_history(history: &History) -> Option<Vec<u8>> {
    (!history.is_empty()).then(|| wire::encode_history(history))
}

/// A delivery as the contract has it.
pub(crate) fn received(raw: &Raw) -> Result<Received> {
    Ok(Received {
        message: decode(&raw.body)?,
        token: raw.token,
        attempt: raw.attempt,
        history: decode_history(raw.history.as_deref()),
    })
}

/// A message read without a group.
pub(crate) fn stored(body: &Bytes) -> Result<Message, StoredError> {
    decode(body).map_err(|e| StoredError {
        error: e.to_string(),
    })
}
