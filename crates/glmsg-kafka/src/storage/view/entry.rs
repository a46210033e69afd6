//! What is known of one key.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use glmsg_core::Timestamp;

use super::{Chunk, Place, Tag};

/// A key: how far it has come, and what there is of it.
#[derive(Debug)]
pub(in crate::storage) struct Entry {
    pub(in crate::storage) place: Place,
    pub(in crate::storage) head: Head,
    /// Records that were made and count no more, with their offsets.
    pub(super) past: HashMap<Tag, i64>,
}

impl Entry {
    pub(super) fn is_there(&self, now: Timestamp) -> bool {
        match &self.head {
            Head::Value(held) => !held.has_expired(now),
            Head::Log(_) => true,
            Head::Gone { .. } => false,
        }
    }
}

/// What there is of a key.
#[derive(Debug)]
pub(in crate::storage) enum Head {
    Value(Held),
    Log(Vec<Piece>),
    /// It was removed.
    Gone {
        offset: i64,
        tag: Tag,
    },
}

/// A value.
#[derive(Debug)]
pub(in crate::storage) struct Held {
    pub(super) offset: i64,
    pub(super) tag: Tag,
    pub(super) expires: Option<Timestamp>,
    pub(in crate::storage) data: Bytes,
}

impl Held {
    pub(super) fn new(offset: i64, tag: Tag, at: Timestamp, ttl: Option<u64>, data: Bytes) -> Self {
        let expires = ttl.map(|ttl| at.after(Duration::from_micros(ttl)));
        Self {
            offset,
            tag,
            expires,
            data,
        }
    }

    pub(in crate::storage) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The records of one append, as they stand in the topic.
#[derive(Debug, Clone)]
pub(in crate::storage) struct Piece {
    pub(in crate::storage) offset: i64,
    pub(super) tag: Tag,
    pub(super) life: u64,
    /// The version of the log before it.
    pub(in crate::storage) base: u64,
    pub(in crate::storage) at: Timestamp,
    pub(in crate::storage) chunk: Chunk,
}

impl Piece {
    pub(super) fn new(
        offset: i64,
        tag: Tag,
        base: Place,
        at: Timestamp,
        before: Option<&Self>,
        chunk: Chunk,
    ) -> Self {
        Self {
            offset,
            tag,
            life: base.life,
            base: base.version,
            // A new leader's clock may be behind.
            at: before.map_or(at, |before| at.max(before.at)),
            chunk,
        }
    }

    /// The version of its last record.
    pub(in crate::storage) fn last(&self) -> u64 {
        self.base.saturating_add(self.chunk.count.into())
    }
}
