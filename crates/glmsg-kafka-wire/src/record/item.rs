//! One record.

use bytes::Bytes;

use super::headers::Headers;

/// A record, which lies where it was received.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Its place in the partition.
    pub offset: i64,
    /// When it came about or was stored, in milliseconds since 1970; -1 if that is not known.
    pub timestamp: i64,
    /// What it is about.
    pub key: Option<&'a [u8]>,
    /// What it says, where it lies; [`value_bytes`](Self::value_bytes) keeps it.
    pub value: Option<&'a [u8]>,
    /// What is said beside it.
    pub headers: Headers<'a>,
    pub(super) body: &'a Bytes,
}

impl Record<'_> {
    /// What it says, to be kept without a copy. It holds all that was received with it in memory.
    pub fn value_bytes(&self) -> Option<Bytes> {
        self.value.map(|value| self.body.slice_ref(value))
    }

    /// What it is about, in the same way.
    pub fn key_bytes(&self) -> Option<Bytes> {
        self.key.map(|key| self.body.slice_ref(key))
    }
}
