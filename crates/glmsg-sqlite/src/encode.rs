//! Messages as the store keeps them: envelopes of the wire format.

use bytes::Bytes;
use glmsg_broker::{Received, StoredError};
use glmsg_core::limits::{MAX_PAYLOAD, max_envelope};
use glmsg_core::{Error, ErrorKind, History, Message, Result, wire};

use crate::wake::Raw;

/// A batch with its envelopes, made in the task that publishes.
#[derive(Debug)]
pub(crate) struct Encoded {
    messages: Vec<Message>,
    /// All envelopes one after the other.
    bytes: Vec<u8>,
    /// Where each envelope ends.
    ends: Vec<usize>,
    max_payload: usize,
}

impl Encoded {
    pub(crate) fn new(messages: &[Message], max_payload: usize) -> Self {
        let expected = messages.iter().map(|m| m.payload().len() + 192).sum();
        let mut bytes = Vec::with_capacity(expected);
        let mut ends = Vec::with_capacity(messages.len());
        for message in messages {
            if message.payload().len() <= max_payload {
                wire::encode_into(message, &mut bytes);
            }
            ends.push(bytes.len());
        }
        Self {
            messages: messages.to_vec(),
            bytes,
            ends,
            max_payload,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// How many bytes the envelopes have.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// A message and its envelope.
    pub(crate) fn get(&self, at: usize) -> Result<(&Message, &[u8])> {
        let message = &self.messages[at];
        let got = message.payload().len();
        if got > self.max_payload {
            let text = format!(
                "the payload has {got} bytes, this broker takes {}",
                self.max_payload
            );
            return Err(Error::new(ErrorKind::TooLarge, text)
                .operation("publish")
                .with("topic", message.topic()));
        }
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        Ok((message, &self.bytes[start..self.ends[at]]))
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
