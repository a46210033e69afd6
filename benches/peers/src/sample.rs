//! The messages that are measured with: 256 bytes each, no two of a task the same.

/// What every library calls its stream or topic.
pub(crate) const STREAM: &str = "peers";
/// What every library calls its group.
pub(crate) const GROUP: &str = "readers";
/// How many messages are published together.
pub(crate) const BATCH: u64 = 100;

/// A payload that begins with its number.
pub(crate) fn payload(number: u64) -> [u8; 256] {
    let mut payload = [0x5A; 256];
    payload[..8].copy_from_slice(&number.to_be_bytes());
    payload
}

/// The number a payload begins with.
pub(crate) fn number(payload: &[u8]) -> Option<u64> {
    payload.first_chunk().copied().map(u64::from_be_bytes)
}
