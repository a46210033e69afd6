//! The wire format.

use bytes::Bytes;

use crate::{History, Message, Result};

/// Encodes `message` as an envelope.
pub fn encode(message: &Message) -> Bytes {
    let _ = message;
    Bytes::new()
}

/// Decodes an envelope of at most `max` bytes.
///
/// # Errors
/// `Codec` or `TooLarge`.
pub fn decode(bytes: &Bytes, max: usize) -> Result<Message> {
    let _ = (bytes, max);
    unimplemented!()
}

/// Encodes a history.
pub fn encode_history(history: &History) -> Vec<u8> {
    let _ = history;
    Vec::new()
}

/// Decodes a history.
///
/// # Errors
/// `Codec`.
pub fn decode_history(bytes: &[u8]) -> Result<History> {
    let _ = bytes;
    Ok(History::new())
}
