//! Which message ids a topic holds.

use std::collections::hash_map::RandomState;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hasher};

use glmsg_core::MessageId;

use crate::group::LANES;

/// The ids of the messages in a topic's lanes and of its scheduled ones.
///
/// Ids usually come in ascending order, and leave a lane in the order they came. Those that do are
/// in a queue for each lane: that an id is new shows by a look at the ends, which is many times
/// faster than any hash table. The rest is in a hash table.
#[derive(Debug)]
pub(crate) struct IdSet {
    ascending: [VecDeque<u128>; LANES],
    others: HashSet<u128, IdHashing>,
}

/// Where an id is kept; given back to remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Ascending,
    Other,
}

impl IdSet {
    pub(crate) fn new() -> Self {
        Self {
            ascending: Default::default(),
            others: HashSet::with_hasher(IdHashing::seeded()),
        }
    }

    pub(crate) fn contains(&self, id: MessageId) -> bool {
        let id = number(id);
        let in_lane = self.ascending.iter().any(|ids| is_in(ids, id));
        in_lane || (!self.others.is_empty() && self.others.contains(&id))
    }

    /// Adds the id, which is not there yet, of a message that goes to the end of `lane` now.
    pub(crate) fn insert(&mut self, lane: usize, id: MessageId) -> Kept {
        let id = number(id);
        let ids = &mut self.ascending[lane];
        if ids.back().is_none_or(|last| *last < id) {
            ids.push_back(id);
            return Kept::Ascending;
        }
        self.others.insert(id);
        Kept::Other
    }

    /// Adds the id, which is not there yet, of a message that goes to a lane later.
    pub(crate) fn insert_scheduled(&mut self, id: MessageId) {
        self.others.insert(number(id));
    }

    /// Removes the id of the message that was the front of `lane`.
    pub(crate) fn remove_front(&mut self, lane: usize, kept: Kept, id: impl Fn() -> MessageId) {
        match kept {
            Kept::Ascending => {
                self.ascending[lane].pop_front();
            }
            Kept::Other => {
                self.others.remove(&number(id()));
            }
        }
    }
}

/// A search in ascending ids that expects to end near the back.
fn is_in(ids: &VecDeque<u128>, id: u128) -> bool {
    let mut reach = 1;
    while reach < ids.len() && ids[ids.len() - reach] > id {
        reach *= 2;
    }
    let (mut first, mut end) = (ids.len().saturating_sub(reach), ids.len());
    while first < end {
        let middle = first + (end - first) / 2;
        match ids[middle].cmp(&id) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => first = middle + 1,
            std::cmp::Ordering::Greater => end = middle,
        }
    }
    false
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
            self.write_u128(u128::from_le_bytes(all));
        }
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        let (low, high) = halves(value);
        let a = low ^ self.seeds.low ^ self.hash;
        let b = high ^ self.seeds.high;
        let (low, high) = halves(u128::from(a).wrapping_mul(u128::from(b)));
        self.hash = low ^ high;
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

fn number(id: MessageId) -> u128 {
    u128::from_be_bytes(*id.as_bytes())
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the halves are what is wanted"
)]
fn halves(value: u128) -> (u64, u64) {
    (value as u64, (value >> 64) as u64)
}
