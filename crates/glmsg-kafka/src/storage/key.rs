//! The keys of records.
//!
//! A key is the kind, the storage key, and a tag that no other record has: so compaction removes nothing
//! by itself.

use glmsg_broker::StorageKey;

/// What is kept under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Value,
    Log,
}

/// One operation; all records that are sent for it have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct OpId([u8; 15]);

impl OpId {
    pub(super) fn random() -> Self {
        Self(std::array::from_fn(|_| fastrand::u8(..)))
    }

    pub(super) fn tag(self, attempt: u8) -> Tag {
        Tag(self, attempt)
    }
}

/// An operation, and which sending of it: each record has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tag(OpId, u8);

impl Tag {
    const LEN: usize = 16;

    pub(super) const fn op(self) -> OpId {
        self.0
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (attempt, op) = bytes.split_last()?;
        Some(Self(OpId(op.try_into().ok()?), *attempt))
    }
}

/// Where a record belongs: what its Kafka key says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Address {
    pub(super) kind: Kind,
    pub(super) key: StorageKey,
    pub(super) tag: Tag,
}

/// The key of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum RecordKey {
    Change(Address),
    /// No value that is forgotten had a version above this.
    Floor(u64),
}

impl RecordKey {
    pub(super) fn write(&self) -> Vec<u8> {
        match self {
            Self::Change(Address { kind, key, tag }) => {
                let mut out = Vec::with_capacity(key.as_str().len() + 2 + Tag::LEN);
                out.push(match kind {
                    Kind::Value => b'v',
                    Kind::Log => b'l',
                });
                out.extend_from_slice(key.as_str().as_bytes());
                out.push(0);
                out.extend_from_slice(&tag.0.0);
                out.push(tag.1);
                out
            }
            Self::Floor(version) => {
                let mut out = vec![b'f'];
                out.extend_from_slice(&version.to_be_bytes());
                out
            }
        }
    }

    /// `None` for what is none of ours.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first()?;
        let kind = match first {
            b'v' => Kind::Value,
            b'l' => Kind::Log,
            b'f' => return Some(Self::Floor(u64::from_be_bytes(rest.try_into().ok()?))),
            _ => return None,
        };
        let (key, tag) = rest.split_at_checked(rest.len().checked_sub(Tag::LEN)?)?;
        let key = std::str::from_utf8(key.strip_suffix(&[0])?).ok()?;
        Some(Self::Change(Address {
            kind,
            key: StorageKey::new(key).ok()?,
            tag: Tag::read(tag)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back() {
        let tag = OpId::random().tag(3);
        for kind in [Kind::Value, Kind::Log] {
            for key in ["a", "a/b ö", &"x".repeat(512)] {
                let key = StorageKey::new(key).unwrap();
                let key = RecordKey::Change(Address { kind, key, tag });
                assert_eq!(RecordKey::read(&key.write()), Some(key));
            }
        }
        let floor = RecordKey::Floor(7);
        assert_eq!(RecordKey::read(&floor.write()), Some(floor));
        for foreign in ["", "v", "l0123456789abcdef", "x", "f123"] {
            assert_eq!(RecordKey::read(foreign.as_bytes()), None, "{foreign}");
        }
    }
}
