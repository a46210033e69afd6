//! Which message ids a topic holds.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use glmsg_core::MessageId;

/// A set of message ids, made for two operations a message: one insertion, one removal.
#[derive(Debug)]
pub(crate) struct IdSet(HashSet<MessageId, IdHashing>);

impl IdSet {
    pub(crate) fn new() -> Self {
        Self(HashSet::with_hasher(IdHashing::seeded()))
    }

    /// `false` if it was there already.
    pub(crate) fn insert(&mut self, id: MessageId) -> bool {
        self.0.insert(id)
    }

    pub(crate) fn remove(&mut self, id: MessageId) {
        self.0.remove(&id);
    }

    pub(crate) fn contains(&self, id: MessageId) -> bool {
        self.0.contains(&id)
    }
}

/// One wide multiplication of the 16 bytes. An id may be of the producer's choosing, so both halves
/// are mixed with numbers that are random for each topic: ids that collide cannot be prepared.
#[derive(Debug, Clone, Copy)]
struct IdHashing {
    low: u64,
    high: u64,
}

impl IdHashing {
    fn seeded() -> Self {
        let random = RandomState::new();
        Self {
            low: random.hash_one(0_u8),
            high: random.hash_one(1_u8),
        }
    }
}

impl BuildHasher for IdHashing {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher {
            seeds: *self,
            hash: 0,
        }
    }
}

struct IdHasher {
    seeds: IdHashing,
    hash: u64,
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(16) {
            let mut all = [0; 16];
            all[..chunk.len()].copy_from_slice(chunk);
            let value = u128::from_le_bytes(all);
            let (low, high) = halves(value);
            let a = low ^ self.seeds.low ^ self.hash;
            let b = high ^ self.seeds.high;
            let (low, high) = halves(u128::from(a).wrapping_mul(u128::from(b)));
            self.hash = low ^ high;
        }
    }

    // Lengths are always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.hash
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the halves are what is wanted"
)]
fn halves(value: u128) -> (u64, u64) {
    (value as u64, (value >> 64) as u64)
}
