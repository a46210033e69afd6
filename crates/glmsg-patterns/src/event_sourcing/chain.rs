//! The hash chain, and how a link of it is stored.
//!
//! A record is a format byte, the hash of the event before, its own hash, a seal, and the event as
//! a message in the wire format. The hash takes in the message's provenance digest, which covers all
//! its content, so that it is the same in every form the event is kept in. The seal covers the
//! record's bytes, so that no bit of it can change unseen, meaning something or not.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use glmsg_core::{Error, ErrorKind, Message, Result, Timestamp, limits, wire};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::Event;
use super::hex::Hex;

const FORMAT: u8 = 1;
const DOMAIN: &[u8] = b"glmsg/v1/event\0";
const SEAL: usize = 8;
const HEADER: usize = 1 + 32 + 32 + SEAL;

/// The hash of an event and, by it, of all events before.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ChainHash([u8; 32]);

impl ChainHash {
    /// What the first event of a stream is chained to.
    pub(super) const BEGINNING: Self = Self([0; 32]);

    #[cfg(feature = "signed-checkpoints")]
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn next(self, version: u64, message: &Message) -> Self {
        let hash = Sha256::new_with_prefix(DOMAIN)
            .chain_update(self.0)
            .chain_update(version.to_be_bytes())
            .chain_update(message.provenance().digest());
        Self(hash.finalize().into())
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(self.0).fmt(f)
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ChainHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Hex(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Hex::deserialize(deserializer).map(|Hex(bytes)| Self(bytes))
    }
}

/// An event and its place in the chain.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) event: Event,
    pub(super) prev: ChainHash,
    pub(super) hash: ChainHash,
}

/// Where a chain ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub(super) version: u64,
    pub(super) hash: ChainHash,
    pub(super) at: Timestamp,
}

impl Tail {
    /// The end of a stream without events.
    pub(super) const EMPTY: Self = Self {
        version: 0,
        hash: ChainHash::BEGINNING,
        at: Timestamp::EPOCH,
    };
}

impl Link {
    /// Chains an event behind `prev`.
    pub(super) fn behind(prev: ChainHash, event: Event) -> Self {
        let hash = prev.next(event.version(), event.message());
        Self { event, prev, hash }
    }

    /// The chain's end, if this is the last.
    pub(super) fn tail(&self) -> Tail {
        Tail {
            version: self.event.version(),
            hash: self.hash,
            at: self.event.recorded_at(),
        }
    }

    pub(super) fn encode(&self) -> Bytes {
        let message = wire::encode(self.event.message());
        let mut record = BytesMut::with_capacity(HEADER + message.len());
        record.put_u8(FORMAT);
        record.put_slice(&self.prev.0);
        record.put_slice(&self.hash.0);
        record.put_slice(&seal(&record, &message));
        record.put_slice(&message);
        record.freeze()
    }

    /// Reads a record, and checks it against itself: its bytes, its content, its hash.
    pub(super) fn decode(record: &Bytes) -> Result<Self> {
        let damaged = |why: &str| Error::new(ErrorKind::Codec, why);
        let hash_at = |at: usize| -> Option<ChainHash> {
            Some(ChainHash(record.get(at..at + 32)?.try_into().ok()?))
        };
        if record.first().is_some_and(|format| *format != FORMAT) {
            return Err(damaged(
                "the event is damaged, or of a newer version of glmsg",
            ));
        }
        let (Some(prev), Some(hash)) = (hash_at(1), hash_at(33)) else {
            return Err(damaged("the event is cut short"));
        };
        let Some(seen) = record.get(HEADER - SEAL..HEADER) else {
            return Err(damaged("the event is cut short"));
        };
        let message = record.slice(HEADER..);
        if seen != seal(&record[..HEADER - SEAL], &message) {
            return Err(damaged("the event's bytes do not match their seal"));
        }
        let message = wire::decode(&message, limits::max_envelope(limits::MAX_PAYLOAD))?;
        Self::check(message, prev, hash)
    }

    /// A link from its parts, checked against itself.
    pub(super) fn check(message: Message, prev: ChainHash, hash: ChainHash) -> Result<Self> {
        message.verify()?;
        let event = Event::of(message)
            .ok_or_else(|| Error::new(ErrorKind::Codec, "the message is no event"))?;
        let link = Self::behind(prev, event);
        if link.hash != hash {
            return Err(Error::new(
                ErrorKind::Codec,
                "the event does not match its hash",
            ));
        }
        Ok(link)
    }
}

fn seal(header: &[u8], message: &[u8]) -> [u8; SEAL] {
    let digest = Sha256::new().chain_update(header).chain_update(message);
    let mut seal = [0; SEAL];
    seal.copy_from_slice(&digest.finalize()[..SEAL]);
    seal
}
