//! The messages that are measured with: 256 bytes each, no two the same.

use bytes::Bytes;
use glmsg::{Message, TopicName};

use crate::Outcome;

/// How long a payload is.
pub(crate) const PAYLOAD: usize = 256;

/// The topic of every workload.
pub(crate) const TOPIC: &str = "bench.events";

/// A topic that has nothing.
pub(crate) const IDLE_TOPIC: &str = "bench.idle";

/// The group of every workload.
pub(crate) const GROUP: &str = "bench";

/// A payload that begins with its number.
pub(crate) fn payload(number: u64) -> [u8; PAYLOAD] {
    let mut payload = [0x5A; PAYLOAD];
    payload[..8].copy_from_slice(&number.to_be_bytes());
    payload
}

/// The number a payload begins with.
pub(crate) fn number(payload: &[u8]) -> Option<u64> {
    payload.first_chunk().copied().map(u64::from_be_bytes)
}

/// A new message with a payload of its own.
pub(crate) fn message(topic: &TopicName, number: u64) -> Outcome<Message> {
    let payload = Bytes::copy_from_slice(&payload(number));
    Ok(Message::new(topic.clone(), payload)?)
}

/// What a new message takes where it is stored.
pub(crate) fn envelope(number: u64) -> Outcome<Vec<u8>> {
    let message = message(&TopicName::new(TOPIC)?, number)?;
    Ok(glmsg::wire::encode(&message).to_vec())
}

/// New messages with these numbers.
pub(crate) fn messages(topic: &TopicName, numbers: std::ops::Range<u64>) -> Outcome<Vec<Message>> {
    numbers.map(|number| message(topic, number)).collect()
}
