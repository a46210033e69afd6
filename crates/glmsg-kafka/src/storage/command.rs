//! Changes as they stand in the values of records.
//!
//! A value says what the writer found and what it wants; whether it comes about is decided by all who
//! read, in the same way: see [`View`](super::view::View).

use bytes::{BufMut, Bytes, BytesMut};

/// The first byte of every value.
const FORMAT: u8 = 1;

/// How far a key has come. It only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Place {
    /// Of a log how often it was begun anew: the offset after that of its removal.
    pub(super) life: u64,
    /// Of a log its version; of a value the greatest version yet, its removals among them.
    pub(super) version: u64,
}

/// What must be true of a value's time to live when a change is stored, by the cluster's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Any,
    Alive,
    Expired,
}

/// What a change wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Put {
        version: u64,
        /// In microseconds.
        ttl: Option<u64>,
        data: Bytes,
    },
    Append(Chunk),
    Remove,
}

/// The records of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) count: u32,
    /// Their sizes and their bytes, unless these were left in the topic.
    pub(super) body: Option<Bytes>,
    /// The length of that.
    pub(super) size: usize,
}

impl Chunk {
    pub(super) fn of(records: &[Bytes]) -> Self {
        let bytes: usize = records.iter().map(|record| record.len() + 4).sum();
        let mut body = BytesMut::with_capacity(bytes);
        for record in records {
            body.put_u32(u32::try_from(record.len()).unwrap_or(u32::MAX));
        }
        for record in records {
            body.put_slice(record);
        }
        Self {
            count: u32::try_from(records.len()).unwrap_or(u32::MAX),
            size: body.len(),
            body: Some(body.freeze()),
        }
    }

    /// The records of a body; `None` if it is not one of so many.
    pub(super) fn records(body: &Bytes, count: u32) -> Option<Vec<Bytes>> {
        let count = usize::try_from(count).ok()?;
        let (mut at, mut all) = (count.checked_mul(4)?, Vec::new());
        for number in 0..count {
            let size = body.get(number * 4..number * 4 + 4)?;
            let size = u32::from_be_bytes(size.try_into().ok()?);
            let end = at.checked_add(usize::try_from(size).ok()?)?;
            if end > body.len() {
                return None;
            }
            all.push(body.slice(at..end));
            at = end;
        }
        (at == body.len()).then_some(all)
    }
}

/// A change: what its writer found, and what it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// How far the key had come.
    pub(super) base: Place,
    /// The offset up to which the writer had read.
    pub(super) seen: i64,
    pub(super) when: When,
    pub(super) what: What,
}

impl Command {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let what = match self.what {
            What::Put { .. } => 1,
            What::Append(_) => 2,
            What::Remove => 3,
        };
        let when = match self.when {
            When::Any => 0,
            When::Alive => 1,
            When::Expired => 2,
        };
        out.extend_from_slice(&[FORMAT, what, when]);
        out.put_u64(self.base.life);
        out.put_u64(self.base.version);
        out.put_i64(self.seen);
        match &self.what {
            What::Put { version, ttl, data } => {
                out.put_u64(*version);
                out.put_u64(ttl.unwrap_or(u64::MAX));
                out.extend_from_slice(data);
            }
            What::Append(chunk) => {
                out.put_u32(chunk.count);
                out.extend_from_slice(chunk.body.as_deref().unwrap_or_default());
            }
            What::Remove => {}
        }
        out
    }

    /// `None` for what is none of ours.
    pub(super) fn read(value: &Bytes) -> Option<Self> {
        let mut fields = Fields(value, 0);
        let [format, what, when] = fields.next()?;
        if format != FORMAT {
            return None;
        }
        let when = match when {
            0 => When::Any,
            1 => When::Alive,
            2 => When::Expired,
            _ => return None,
        };
        let base = Place {
            life: fields.number()?,
            version: fields.number()?,
        };
        let seen = i64::from_be_bytes(fields.next()?);
        let what = match what {
            1 => What::Put {
                version: fields.number()?,
                ttl: Some(fields.number()?).filter(|ttl| *ttl != u64::MAX),
                data: fields.rest(),
            },
            2 => {
                let count = u32::from_be_bytes(fields.next()?);
                let body = fields.rest();
                Chunk::records(&body, count)?;
                What::Append(Chunk {
                    count,
                    size: body.len(),
                    body: Some(body),
                })
            }
            3 => What::Remove,
            _ => return None,
        };
        Some(Self {
            base,
            seen,
            when,
            what,
        })
    }
}

/// Reads one field after the other.
struct Fields<'a>(&'a Bytes, usize);

impl Fields<'_> {
    fn next<const N: usize>(&mut self) -> Option<[u8; N]> {
        let field = self.0.get(self.1..self.1 + N)?;
        self.1 += N;
        field.try_into().ok()
    }

    fn number(&mut self) -> Option<u64> {
        self.next().map(u64::from_be_bytes)
    }

    fn rest(&self) -> Bytes {
        self.0.slice(self.1..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_back() {
        let records = [Bytes::from_static(b"one"), Bytes::new()];
        let base = Place {
            life: 5,
            version: 9,
        };
        let data = Bytes::from_static(b"it");
        let put = |ttl| What::Put {
            version: 10,
            ttl,
            data: data.clone(),
        };
        let all = [
            put(None),
            put(Some(1_000)),
            What::Append(Chunk::of(&records)),
            What::Remove,
        ];
        for what in all {
            for when in [When::Any, When::Alive, When::Expired] {
                let command = Command {
                    base,
                    seen: -1,
                    when,
                    what: what.clone(),
                };
                let value = Bytes::from(command.write());
                assert_eq!(Command::read(&value), Some(command));
            }
        }
    }

    #[test]
    fn what_is_cut_off_is_none_of_ours() {
        let records = [Bytes::from_static(b"one"), Bytes::from_static(b"two")];
        let command = Command {
            base: Place::default(),
            seen: 0,
            when: When::Any,
            what: What::Append(Chunk::of(&records)),
        };
        let whole = Bytes::from(command.write());
        for end in 0..whole.len() {
            assert_eq!(Command::read(&whole.slice(..end)), None, "{end}");
        }
    }
}
