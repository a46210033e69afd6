//! The way through a stream's records, from the first to the last.

use std::collections::{BTreeMap, VecDeque};

use super::super::chain::{ChainHash, Link};
use super::{Tampering, Verification};

/// The most findings that are kept.
const MOST: usize = 1_000;

/// What stands at a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    place: u64,
    /// `None` for what is damaged, or no event of this stream.
    sound: Option<Sound>,
}

/// An event that is whole by itself, wherever it stands.
#[derive(Debug, Clone, Copy)]
struct Sound {
    version: u64,
    prev: ChainHash,
    hash: ChainHash,
}

impl Seen {
    pub(super) fn new(place: u64, link: Option<&Link>) -> Self {
        let sound = link.map(|link| Sound {
            version: link.event.version(),
            prev: link.prev,
            hash: link.hash,
        });
        Self { place, sound }
    }
}

/// How what follows fits behind a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It goes on as if the expected event stood here.
    Behind,
    /// The expected event comes next: what stands here is one too many.
    Beside,
    /// Neither: there is a gap.
    Otherwise,
    /// Nothing follows that could tell.
    Nothing,
}

#[derive(Debug)]
pub(super) struct Walk {
    /// Hashes that are known from elsewhere, by version.
    known: BTreeMap<u64, Vec<ChainHash>>,
    /// The version that is to come next.
    expected: u64,
    /// The hash of the event before; `None` where that one was not found whole.
    last: Option<ChainHash>,
    /// Versions that were not in their place, from and to.
    missing: Vec<(u64, u64)>,
    /// Events found out of place: their places by version.
    displaced: BTreeMap<u64, u64>,
    found: Vec<Tampering>,
}

impl Walk {
    pub(super) fn new(known: BTreeMap<u64, Vec<ChainHash>>) -> Self {
        Self {
            known,
            expected: 1,
            last: Some(ChainHash::BEGINNING),
            missing: Vec::new(),
            displaced: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    /// The last version that is known to have been there.
    fn known_end(&self) -> u64 {
        self.known.keys().next_back().copied().unwrap_or(0)
    }

    fn find(&mut self, tampering: Tampering) {
        if self.found.len() < MOST {
            self.found.push(tampering);
        }
    }

    fn fit(&self, ahead: &VecDeque<Seen>) -> Fit {
        let next = ahead.iter().zip(1..).find_map(|(seen, distance)| {
            let version = seen.sound?.version;
            Some(version.saturating_sub(distance))
        });
        match next {
            None => Fit::Nothing,
            Some(here) if here == self.expected => Fit::Behind,
            Some(here) if here + 1 == self.expected => Fit::Beside,
            Some(_) => Fit::Otherwise,
        }
    }

    pub(super) fn step(&mut self, seen: Seen, ahead: &VecDeque<Seen>) {
        let fit = self.fit(ahead);
        match seen.sound {
            None => self.unsound(seen.place, fit),
            Some(sound) if sound.version == self.expected => {
                self.in_place(seen.place, sound, fit, ahead);
            }
            Some(sound) if sound.version > self.expected => self.early(seen.place, sound, fit),
            Some(sound) => self.late(seen.place, sound, fit),
        }
    }

    fn unsound(&mut self, place: u64, fit: Fit) {
        let is_extra = match fit {
            Fit::Beside => true,
            Fit::Nothing => self.known_end() > 0 && self.expected > self.known_end(),
            Fit::Behind | Fit::Otherwise => false,
        };
        if is_extra {
            self.find(Tampering::Inserted { place });
        } else {
            let version = self.expected;
            self.find(Tampering::Changed { version });
            self.pass(None);
        }
    }

    /// Goes on behind the expected version.
    fn pass(&mut self, hash: Option<ChainHash>) {
        self.expected += 1;
        self.last = hash;
    }

    fn in_place(&mut self, place: u64, sound: Sound, fit: Fit, ahead: &VecDeque<Seen>) {
        if fit == Fit::Beside && !self.is_the_one(sound, ahead) {
            self.find(Tampering::Inserted { place });
            return;
        }
        self.accept(sound);
        self.pass(Some(sound.hash));
    }

    /// Of two that both claim the expected version, whether this, the first, was recorded.
    fn is_the_one(&self, sound: Sound, ahead: &VecDeque<Seen>) -> bool {
        if let Some(known) = self.known.get(&sound.version) {
            return known.contains(&sound.hash);
        }
        let mut sounds = ahead.iter().filter_map(|seen| seen.sound);
        let (other, third) = (sounds.next(), sounds.next());
        let is_chained = |one: Sound| self.last.is_none_or(|last| one.prev == last);
        match other.filter(|other| other.version == self.expected) {
            Some(other) if is_chained(sound) && is_chained(other) => {
                third.is_none_or(|third| third.prev != other.hash)
            }
            Some(other) => is_chained(sound) || !is_chained(other),
            None => true,
        }
    }

    /// Looks whether an event is chained to the one before, and is the one that is known.
    fn accept(&mut self, sound: Sound) {
        let version = sound.version;
        let changed =
            |found: &[Tampering], version| found.last() == Some(&Tampering::Changed { version });
        if self.last.is_some_and(|last| last != sound.prev) {
            // Each is whole, so the one before is not the one that this was chained to.
            let before = version.saturating_sub(1).max(1);
            if !changed(&self.found, before) {
                self.find(Tampering::Changed { version: before });
            }
        }
        let known = self.known.get(&version);
        let is_other = |known: &Vec<ChainHash>| known.iter().any(|hash| *hash != sound.hash);
        if known.is_some_and(is_other) && !changed(&self.found, version) {
            self.find(Tampering::Changed { version });
        }
    }

    fn early(&mut self, place: u64, sound: Sound, fit: Fit) {
        match fit {
            Fit::Beside => drop(self.displaced.insert(sound.version, place)),
            Fit::Behind => {
                self.displaced.insert(sound.version, place);
                self.missing.push((self.expected, self.expected));
                self.pass(None);
            }
            Fit::Otherwise | Fit::Nothing => {
                self.missing.push((self.expected, sound.version - 1));
                self.expected = sound.version;
                self.last = None;
                self.accept(sound);
                self.pass(Some(sound.hash));
            }
        }
    }

    fn late(&mut self, place: u64, sound: Sound, fit: Fit) {
        let version = sound.version;
        if self.take_missing(version) {
            self.find(Tampering::Reordered { version, place });
        } else {
            self.find(Tampering::Inserted { place });
        }
        let is_in_place_of_another = match fit {
            Fit::Behind => true,
            Fit::Nothing => self.displaced.contains_key(&self.expected),
            Fit::Beside | Fit::Otherwise => false,
        };
        if is_in_place_of_another {
            self.missing.push((self.expected, self.expected));
            self.pass(None);
        }
    }

    /// Takes a version from the missing ones; `false` if it is none.
    fn take_missing(&mut self, version: u64) -> bool {
        let holds = |(from, to): &(u64, u64)| (*from..=*to).contains(&version);
        let Some(at) = self.missing.iter().position(holds) else {
            return false;
        };
        let (from, to) = self.missing.remove(at);
        if from < version {
            self.missing.push((from, version - 1));
        }
        if version < to {
            self.missing.push((version + 1, to));
        }
        true
    }

    /// Sums up, where the last record stood at `places`.
    pub(super) fn finish(mut self, places: u64) -> Verification {
        let end = self.known_end();
        let cut = (self.expected <= end).then_some((self.expected, end));
        self.missing.extend(cut);
        for (version, place) in std::mem::take(&mut self.displaced) {
            if self.take_missing(version) {
                self.find(Tampering::Reordered { version, place });
            } else {
                self.find(Tampering::Inserted { place });
            }
        }
        for (from, to) in std::mem::take(&mut self.missing) {
            match cut {
                Some((first, _)) if from >= first => self.find(Tampering::TailCut { from, to }),
                _ => self.find(Tampering::Removed { from, to }),
            }
        }
        self.found.sort();
        self.found.dedup();
        Verification {
            events: places,
            uncovered: (self.expected - 1).saturating_sub(end),
            tampering: self.found,
        }
    }
}
