//! What writers with old views write, sweepers take out and compaction removes comes to the same for
//! everybody who reads it, whenever they begin.

use std::collections::BTreeMap;

use bytes::Bytes;
use glmsg_broker::StorageKey;
use glmsg_core::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::storage::key::RecordKey;
use crate::storage::loading::Loading;

/// So few that keys are forgotten within a history.
const SHORT_REACH: i64 = 25;
const KEYS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone, Copy)]
enum Step {
    Put {
        key: usize,
        age: usize,
        ttl: Option<u64>,
    },
    Append {
        key: usize,
        age: usize,
        count: u32,
    },
    Remove {
        kind: Kind,
        key: usize,
        age: usize,
    },
    /// Of what a sweeper plans this many percent are written before it dies.
    Sweep {
        part: usize,
    },
    /// The part of the log, in percent, that compaction looks at; and whether it drops tombstones.
    Compact {
        part: usize,
        all: bool,
    },
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Mostly a writer has read everything, at times not.
    let age = || prop_oneof![3 => Just(0_usize), 1 => 0..40_usize];
    let ttl = prop_oneof![2 => Just(None), 1 => (1..20_u64).prop_map(Some)];
    let kind = prop_oneof![Just(Kind::Value), Just(Kind::Log)];
    let step = prop_oneof![
        4 => (0..3_usize, age(), ttl).prop_map(|(key, age, ttl)| Step::Put { key, age, ttl }),
        4 => (0..3_usize, age(), 1..3_u32)
            .prop_map(|(key, age, count)| Step::Append { key, age, count }),
        3 => (kind, 0..3_usize, age()).prop_map(|(kind, key, age)| Step::Remove { kind, key, age }),
        2 => prop_oneof![2 => Just(100), 1 => 0..100_usize].prop_map(|part| Step::Sweep { part }),
        1 => (0..=100_usize, any::<bool>()).prop_map(|(part, all)| Step::Compact { part, all }),
        1 => (1..30_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..160)
}

#[derive(Debug, Clone)]
struct Stored {
    offset: i64,
    at: Timestamp,
    key: RecordKey,
    value: Option<Bytes>,
}

/// How far each key was, the floor, and the offset up to which was read.
type Known = (BTreeMap<(Kind, usize), Place>, u64, i64);

/// The partition, and somebody who has read it from its beginning.
struct Scene {
    log: Vec<Stored>,
    next: i64,
    now: Timestamp,
    reader: View,
    /// What writers had read.
    known: Vec<Known>,
}

fn short() -> View {
    let mut view = View::new(1 << 20);
    view.reach = SHORT_REACH;
    view
}

fn key(number: usize) -> StorageKey {
    StorageKey::new(KEYS[number]).unwrap()
}

fn take(view: &mut View, stored: &Stored) {
    match (&stored.key, &stored.value) {
        (RecordKey::Change(address), Some(value)) => {
            let command = Command::read(value).unwrap();
            view.change(stored.offset, stored.at, address.clone(), command);
        }
        (RecordKey::Change(address), None) => view.bury(stored.offset, address),
        (RecordKey::Floor(floor), Some(_)) => view.raise(stored.offset, *floor),
        (RecordKey::Floor(floor), None) => view.lower(stored.offset, *floor),
    }
}

/// What a user sees of the values and logs.
fn seen(view: &View, now: Timestamp) -> Vec<String> {
    let mut all = Vec::new();
    for number in 0..KEYS.len() {
        let key = key(number);
        let value = view.value(&key, now);
        let value = value.map(|(entry, held)| (entry.place.version, held.data.clone()));
        let log = view.pieces(&key).iter();
        let log: Vec<_> = log
            .map(|piece| (piece.offset, piece.base, piece.chunk.count))
            .collect();
        all.push(format!("{key} {value:?} {log:?}"));
    }
    all
}

impl Scene {
    fn new() -> Self {
        let mut this = Self {
            log: Vec::new(),
            next: 0,
            now: Timestamp::from_micros(1_000),
            reader: short(),
            known: Vec::new(),
        };
        this.remember();
        this
    }

    fn remember(&mut self) {
        let mut places = BTreeMap::new();
        for kind in [Kind::Value, Kind::Log] {
            for number in 0..KEYS.len() {
                let entry = self.reader.entry(kind, &key(number));
                places.insert(
                    (kind, number),
                    entry.map_or_else(Place::default, |e| e.place),
                );
            }
        }
        self.known
            .push((places, self.reader.floor(), self.reader.next));
    }

    fn store(&mut self, key: RecordKey, value: Option<Vec<u8>>) {
        let stored = Stored {
            offset: self.next,
            at: self.now,
            key,
            value: value.map(Bytes::from),
        };
        self.next += 1;
        self.now = Timestamp::from_micros(self.now.as_micros() + 1);
        take(&mut self.reader, &stored);
        self.log.push(stored);
        self.remember();
    }

    fn write(&mut self, kind: Kind, number: usize, age: usize, what: impl Fn(u64) -> What) {
        let known = &self.known[self.known.len().saturating_sub(1 + age)];
        let base = known.0[&(kind, number)];
        // Nobody removes what he knows nothing of.
        if base == Place::default() && matches!(what(0), What::Remove) {
            return;
        }
        // Where nothing is known of a key its versions begin above the floor.
        let version = if base == Place::default() {
            known.1
        } else {
            base.version
        };
        let command = Command {
            base,
            seen: known.2,
            when: When::Any,
            what: what(version.saturating_add(1)),
        };
        let key = key(number);
        let tag = OpId::random().tag(0);
        let address = RecordKey::Change(Address { kind, key, tag });
        self.store(address, Some(command.write()));
    }

    fn sweep(&mut self, part: usize) {
        let plan = self.reader.plan(self.now, 1_000);
        let mut all: Vec<(RecordKey, Option<Vec<u8>>)> = Vec::new();
        all.extend(plan.void.into_iter().map(|key| (key, None)));
        all.extend(plan.worn.into_iter().map(|key| (key, None)));
        all.extend(
            plan.floor
                .map(|floor| (RecordKey::Floor(floor), Some(Vec::new()))),
        );
        all.extend(plan.gone.into_iter().map(|key| (key, None)));
        let expired = plan.expired.into_iter();
        all.extend(expired.map(|(at, command)| (RecordKey::Change(at), Some(command.write()))));
        let written = all.len() * part / 100;
        for (key, value) in all.into_iter().take(written) {
            self.store(key, value);
        }
    }

    /// Of each key only the last record stays; and no tombstones of keys that have no other, if they
    /// are old.
    fn compact(&mut self, part: usize, all: bool) {
        let until = self.log.len() * part / 100;
        let mut last: Vec<(RecordKey, i64)> = Vec::new();
        for stored in &self.log[..until] {
            last.retain(|(key, _)| *key != stored.key);
            last.push((stored.key.clone(), stored.offset));
        }
        let looked_at: Vec<i64> = self.log[..until].iter().map(|s| s.offset).collect();
        self.log.retain(|stored| {
            let is_last = last.contains(&(stored.key.clone(), stored.offset));
            let is_old_tombstone = all && stored.value.is_none();
            !looked_at.contains(&stored.offset) || (is_last && !is_old_tombstone)
        });
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Put { key, age, ttl } => {
                let data = Bytes::from(self.next.to_string());
                let what = |version| What::Put {
                    version,
                    ttl,
                    data: data.clone(),
                };
                self.write(Kind::Value, key, age, what);
            }
            Step::Append { key, age, count } => {
                let records: Vec<Bytes> = (0..count).map(|n| Bytes::from(n.to_string())).collect();
                self.write(Kind::Log, key, age, |_| What::Append(Chunk::of(&records)));
            }
            Step::Remove { kind, key, age } => self.write(kind, key, age, |_| What::Remove),
            Step::Sweep { part } => self.sweep(part),
            Step::Compact { part, all } => self.compact(part, all),
            Step::Wait(micros) => {
                let now = self.now.as_micros() + i64::try_from(micros).unwrap();
                self.now = Timestamp::from_micros(now);
            }
        }
    }

    /// Somebody who begins to read now.
    fn newcomer(&self) -> View {
        let mut loading = Loading::default();
        for Stored {
            offset,
            at,
            key,
            value,
        } in &self.log
        {
            loading.add(*offset, *at, key.clone(), value.as_ref(), 1 << 20);
        }
        // The end is there, also where compaction has taken out what stood before it.
        if let Some(last) = self.next.checked_sub(1).filter(|last| *last >= 0) {
            loading.skip(last);
        }
        loading.judge(short())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn who_comes_late_sees_the_same_and_goes_on_to(first in steps(), second in steps()) {
        let mut scene = Scene::new();
        for step in first {
            scene.step(step);
        }
        let mut late = scene.newcomer();
        prop_assert_eq!(seen(&late, scene.now), seen(&scene.reader, scene.now));
        let from = scene.next;
        for step in second {
            // What has been read is read: compaction is for who comes later.
            if !matches!(step, Step::Compact { .. }) {
                scene.step(step);
            }
        }
        let news: Vec<Stored> = scene.log.iter().filter(|s| s.offset >= from).cloned().collect();
        for stored in &news {
            take(&mut late, stored);
        }
        prop_assert_eq!(seen(&late, scene.now), seen(&scene.reader, scene.now));
        let later = scene.newcomer();
        prop_assert_eq!(seen(&later, scene.now), seen(&scene.reader, scene.now));
    }

    #[test]
    fn versions_of_values_only_grow(all in steps()) {
        let mut scene = Scene::new();
        let mut greatest = BTreeMap::new();
        for step in all {
            let before = seen(&scene.reader, scene.now);
            scene.step(step);
            for number in 0..KEYS.len() {
                let key = key(number);
                let Some((entry, _)) = scene.reader.value(&key, scene.now) else {
                    continue;
                };
                let version = entry.place.version;
                let known = greatest.entry(number).or_insert(0);
                let is_change = before != seen(&scene.reader, scene.now);
                prop_assert!(version >= *known, "{key}: {version} after {known}");
                prop_assert!(is_change || version == *known || *known == 0);
                *known = version;
            }
        }
    }
}

#[test]
fn of_many_who_saw_the_same_one_is_made() {
    let mut scene = Scene::new();
    for age in 0..5 {
        scene.step(Step::Put {
            key: 0,
            age,
            ttl: None,
        });
    }
    // The first of each round wins; its number is its offset.
    let (entry, held) = scene.reader.value(&key(0), scene.now).unwrap();
    assert_eq!((entry.place.version, &held.data[..]), (1, &b"0"[..]));
    scene.step(Step::Put {
        key: 0,
        age: 0,
        ttl: None,
    });
    scene.step(Step::Put {
        key: 0,
        age: 1,
        ttl: None,
    });
    let (entry, held) = scene.reader.value(&key(0), scene.now).unwrap();
    assert_eq!((entry.place.version, &held.data[..]), (2, &b"5"[..]));
}

#[test]
fn what_was_written_for_a_log_before_its_removal_is_void() {
    let mut scene = Scene::new();
    let append = |age| Step::Append {
        key: 0,
        age,
        count: 1,
    };
    scene.step(append(0));
    scene.step(Step::Remove {
        kind: Kind::Log,
        key: 0,
        age: 0,
    });
    scene.step(append(1));
    assert_eq!(scene.reader.log_version(&key(0)), 0);
    scene.step(append(0));
    assert_eq!(scene.reader.log_version(&key(0)), 1);
}
