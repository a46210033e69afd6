//! What a partition holds: all that was stored in it, applied in its order.
//!
//! Everybody who reads a partition comes to the same view, and so agrees on which changes were made:
//! those that found their key as far as their writer had. The others are void.
//!
//! What counts no more is taken out by tombstones ([sweeping](super::sweep)), so a view may begin
//! with part of what there was. For that:
//! - of a key's records the first that is left was made, whatever it expects: void ones are taken
//!   out before any that was made;
//! - a change is made if its base is *at least* as far as the key, so those between may be missing;
//! - a change that comes too late ([`REACH`]) is void. So where a key is forgotten no change comes
//!   that was meant for what it was.

mod cache;
mod entry;
mod pending;
mod ready;
mod swept;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;

use glmsg_broker::{KeyPrefix, StorageKey};
use glmsg_core::Timestamp;

pub(super) use self::entry::{Entry, Head, Held, Piece};
use self::pending::Pending;
pub(super) use self::ready::Plan;
use super::command::{Chunk, Command, Place, What, When};
use super::key::{Address, Kind, OpId, Tag};

/// How many offsets after what its writer had seen a change counts.
pub(super) const REACH: i64 = 10_000;

/// What a partition holds.
#[derive(Debug)]
pub(super) struct View {
    values: BTreeMap<StorageKey, Entry>,
    logs: BTreeMap<StorageKey, Entry>,
    /// Above it the versions of new values begin.
    floor: u64,
    floors: BTreeSet<u64>,
    /// The offset after the last that was applied.
    pub(super) next: i64,
    /// What became of operations of this process.
    pending: HashMap<OpId, Pending>,
    /// Changes that were not made.
    void: HashMap<Address, i64>,
    /// Keys that have records which were made and count no more, and how many these are.
    worn: BTreeSet<(Kind, StorageKey)>,
    worn_records: usize,
    /// Keys that were removed, by the offsets of their removals.
    gone: BTreeSet<(i64, Kind, StorageKey)>,
    /// Values that will expire.
    expiring: BTreeSet<(Timestamp, StorageKey)>,
    /// Chunks whose bytes are held, the oldest first.
    cached: VecDeque<(StorageKey, i64)>,
    cached_bytes: usize,
    cache: usize,
    reach: i64,
}

impl View {
    /// An empty one that holds at most so many bytes of logs.
    pub(super) fn new(cache: usize) -> Self {
        Self {
            values: BTreeMap::new(),
            logs: BTreeMap::new(),
            floor: 0,
            floors: BTreeSet::new(),
            next: 0,
            pending: HashMap::new(),
            void: HashMap::new(),
            worn: BTreeSet::new(),
            worn_records: 0,
            gone: BTreeSet::new(),
            expiring: BTreeSet::new(),
            cached: VecDeque::new(),
            cached_bytes: 0,
            cache,
            reach: REACH,
        }
    }

    fn shelf(&self, kind: Kind) -> &BTreeMap<StorageKey, Entry> {
        match kind {
            Kind::Value => &self.values,
            Kind::Log => &self.logs,
        }
    }

    fn shelf_mut(&mut self, kind: Kind) -> &mut BTreeMap<StorageKey, Entry> {
        match kind {
            Kind::Value => &mut self.values,
            Kind::Log => &mut self.logs,
        }
    }

    pub(super) fn entry(&self, kind: Kind, key: &StorageKey) -> Option<&Entry> {
        self.shelf(kind).get(key)
    }

    /// The version after which a value that was never there begins.
    pub(super) const fn floor(&self) -> u64 {
        self.floor
    }

    /// A value that is there and has not expired by `now`.
    pub(super) fn value(&self, key: &StorageKey, now: Timestamp) -> Option<(&Entry, &Held)> {
        let entry = self.values.get(key)?;
        match &entry.head {
            Head::Value(held) if !held.has_expired(now) => Some((entry, held)),
            _ => None,
        }
    }

    /// A log's pieces; none if it is not there.
    pub(super) fn pieces(&self, log: &StorageKey) -> &[Piece] {
        match self.logs.get(log).map(|entry| &entry.head) {
            Some(Head::Log(pieces)) => pieces,
            _ => &[],
        }
    }

    pub(super) fn log_version(&self, log: &StorageKey) -> u64 {
        self.pieces(log).last().map_or(0, Piece::last)
    }

    /// Keys that are there, by their order, of those that begin with `prefix` and come after `after`.
    pub(super) fn keys<'a>(
        &'a self,
        kind: Kind,
        prefix: &'a KeyPrefix,
        after: Option<&StorageKey>,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a StorageKey> {
        let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        self.shelf(kind)
            .range((from, Bound::Unbounded))
            .skip_while(|(key, _)| key.as_str() < prefix.as_str())
            .take_while(|(key, _)| key.as_str().starts_with(prefix.as_str()))
            .filter(move |(_, entry)| entry.is_there(now))
            .map(|(key, _)| key)
    }

    /// Applies a change that was stored at this offset and time. Tells since when it is watched, if
    /// it is.
    pub(super) fn change(
        &mut self,
        offset: i64,
        at: Timestamp,
        address: Address,
        change: Command,
    ) -> Option<Timestamp> {
        self.next = self.next.max(offset + 1);
        let is_made = self.is_made(offset, at, &address, &change);
        // Of an operation that was sent several times one is made.
        let pending = self.pending.get_mut(&address.tag.op());
        let since = pending.map(|pending| {
            pending.outcome = Some(is_made || pending.outcome == Some(true));
            pending.since
        });
        if is_made {
            self.make(offset, at, address, change);
        } else {
            self.void.insert(address, offset);
        }
        since
    }

    fn is_made(&self, offset: i64, at: Timestamp, address: &Address, change: &Command) -> bool {
        let is_of_kind = match change.what {
            What::Put { .. } => address.kind == Kind::Value,
            What::Append(_) => address.kind == Kind::Log,
            What::Remove => true,
        };
        if !is_of_kind || offset.saturating_sub(change.seen) > self.reach {
            return false;
        }
        let Some(entry) = self.entry(address.kind, &address.key) else {
            return true;
        };
        let has_expired = match &entry.head {
            Head::Value(held) => held.has_expired(at),
            Head::Log(_) | Head::Gone { .. } => false,
        };
        let is_its_time = match change.when {
            When::Any => true,
            When::Alive => !has_expired,
            When::Expired => has_expired,
        };
        change.base >= entry.place && is_its_time
    }

    fn make(&mut self, offset: i64, at: Timestamp, address: Address, change: Command) {
        let Address { kind, key, tag } = address;
        let old = self.shelf_mut(kind).remove(&key);
        let (old_head, mut past) = match old {
            Some(old) => (Some(old.head), old.past),
            None => (None, HashMap::new()),
        };
        let before = past.len();
        let base = change.base;
        let (place, head) = match change.what {
            What::Put { version, ttl, data } => {
                self.wear(kind, &key, old_head, &mut past);
                let held = Held::new(offset, tag, at, ttl, data);
                if let Some(expires) = held.expires {
                    self.expiring.insert((expires, key.clone()));
                }
                (Place { life: 0, version }, Head::Value(held))
            }
            What::Append(chunk) => {
                let mut pieces = self.continued(&key, base.life, old_head, &mut past);
                let piece = Piece::new(offset, tag, base, at, pieces.last(), chunk);
                let place = Place {
                    life: base.life,
                    version: piece.last(),
                };
                self.cache(&key, &piece);
                pieces.push(piece);
                (place, Head::Log(pieces))
            }
            What::Remove => {
                self.wear(kind, &key, old_head, &mut past);
                self.gone.insert((offset, kind, key.clone()));
                let place = match kind {
                    Kind::Value => Place {
                        life: 0,
                        version: base.version.saturating_add(1),
                    },
                    Kind::Log => Place {
                        life: u64::try_from(offset).unwrap_or(0).saturating_add(1),
                        version: 0,
                    },
                };
                (place, Head::Gone { offset, tag })
            }
        };
        self.worn_records += past.len() - before;
        if !past.is_empty() {
            self.worn.insert((kind, key.clone()));
        }
        let entry = Entry { place, head, past };
        self.shelf_mut(kind).insert(key, entry);
        self.evict();
    }

    /// The pieces that an append of this life comes after.
    fn continued(
        &mut self,
        key: &StorageKey,
        life: u64,
        old: Option<Head>,
        past: &mut HashMap<Tag, i64>,
    ) -> Vec<Piece> {
        match old {
            Some(Head::Log(pieces)) if pieces.last().is_some_and(|p| p.life == life) => pieces,
            old => {
                self.wear(Kind::Log, key, old, past);
                Vec::new()
            }
        }
    }

    /// What was made before counts no more.
    fn wear(
        &mut self,
        kind: Kind,
        key: &StorageKey,
        old: Option<Head>,
        past: &mut HashMap<Tag, i64>,
    ) {
        match old {
            None => {}
            Some(Head::Value(held)) => {
                if let Some(expires) = held.expires {
                    self.expiring.remove(&(expires, key.clone()));
                }
                past.insert(held.tag, held.offset);
            }
            Some(Head::Gone { offset, tag }) => {
                self.gone.remove(&(offset, kind, key.clone()));
                past.insert(tag, offset);
            }
            Some(Head::Log(pieces)) => {
                let held = pieces.iter().filter_map(|piece| piece.chunk.body.as_ref());
                let bytes: usize = held.map(bytes::Bytes::len).sum();
                self.cached_bytes = self.cached_bytes.saturating_sub(bytes);
                past.extend(pieces.into_iter().map(|piece| (piece.tag, piece.offset)));
            }
        }
    }

    /// Something that is none of ours.
    pub(super) fn skip(&mut self, offset: i64) {
        self.next = self.next.max(offset + 1);
    }
}

#[cfg(test)]
mod tests;
