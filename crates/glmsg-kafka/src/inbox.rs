//! What a group has of its messages in this process: those that may be delivered, those that wait,
//! and those that are out.
//!
//! All of it is a view of partitions that Kafka has assigned. What is lost of it with the process
//! comes again, from the offset that was committed.

mod arrive;
mod commit;
mod deliver;
mod expected;
mod keys;
mod settle;
#[cfg(test)]
mod tests;
mod time;
mod waiting;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use glmsg_broker::{LanePicker, Ordering};
use glmsg_core::Timestamp;
use rustc_hash::FxHashMap;

pub(crate) use self::commit::Offset;
pub(crate) use self::deliver::Taken;
use self::expected::Expectations;
use self::keys::Keys;
pub(crate) use self::settle::{Moved, Verdict};
use self::waiting::Waiting;
use crate::entry::Entry;
use crate::progress::Seen;
use crate::window::{State, Window};

/// Behind the offset that was committed when a partition came here that nobody has given back, so many
/// messages are told of before they are handed out: one of them may be what ended a process before
/// it could tell. A process gets no further without telling: so far it may be when its window is full, with
/// what waits to be taken, and with what is done until the next commit.
#[allow(clippy::cast_possible_wrap, reason = "it is small")]
const CAREFUL: i64 = WIDEST + MOST_READY as i64 + 2 * AHEAD;
/// How far a partition's window may span before it is read no further.
const WIDEST: i64 = 10_000;
/// The most messages that wait to be taken.
pub(crate) const MOST_READY: usize = 16_000;
/// How far it may be done beyond what is committed before the next commit waits no longer: a commit takes a
/// broker almost a millisecond, and after a crash what was not committed comes again.
const AHEAD: i64 = 10_000;

/// A message that is here: which partition by our number, and its offset.
pub(crate) type Spot = (u64, i64);

/// What a partition is to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// One of a topic's lanes.
    Lane,
    /// What is scheduled.
    Later,
    /// This tier of what comes back.
    Retry(i32),
}

/// A partition that is assigned.
#[derive(Debug)]
pub(crate) struct Assigned {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) role: Role,
    pub(crate) window: Window,
    /// Up to here it is told before it is handed out.
    careful_until: i64,
    /// What is committed says that nothing else was handed out: before something is, that is to go.
    is_sealed: bool,
    /// It is about to be somebody else's: nothing is handed out any more.
    is_given_back: bool,
    /// Something is to be committed.
    is_dirty: bool,
    /// The offset that was committed last, as far as is known.
    committed: i64,
    /// How many of its messages are done.
    done: u64,
}

/// A delivery that is out.
#[derive(Debug)]
struct Out {
    spot: Spot,
    hold: Hold,
}

/// Whose a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// The holder's until then.
    Leased(Timestamp),
    /// Still the holder's, until somebody else is given the message.
    Lapsed,
    /// On its way elsewhere.
    Moving,
}

impl Out {
    fn until(&self) -> Option<Timestamp> {
        match self.hold {
            Hold::Leased(until) => Some(until),
            Hold::Lapsed | Hold::Moving => None,
        }
    }
}

/// What a group has in this process.
#[derive(Debug)]
pub(crate) struct Inbox {
    ordering: Ordering,
    pub(crate) parts: FxHashMap<u64, Assigned>,
    /// Our numbers of partitions, by topic and partition.
    index: HashMap<String, HashMap<i32, u64>>,
    next_part: u64,
    next_fence: u64,
    out: FxHashMap<u64, Out>,
    /// By lane: what came back, and what is new.
    back: [VecDeque<Spot>; 4],
    new: [VecDeque<Spot>; 4],
    picker: LanePicker,
    keys: Keys,
    expected: Expectations,
    /// What waits for its time.
    timers: BinaryHeap<Reverse<(Timestamp, Spot)>>,
    /// How much of each partition may not be delivered yet.
    waiting: Waiting,
    /// When the next lease runs out, at the earliest.
    lease_end: Option<Timestamp>,
    /// What may be delivered, about, in bytes.
    pub(crate) bytes: usize,
    /// Changes so far, and how many of them are committed.
    pub(crate) changes: u64,
}

impl Inbox {
    pub(crate) fn new(ordering: Ordering) -> Self {
        Self {
            ordering,
            parts: FxHashMap::default(),
            index: HashMap::new(),
            next_part: 0,
            // So that a token of another process or time is not taken for one of these.
            next_fence: fastrand::u64(1..u64::MAX / 2),
            out: FxHashMap::default(),
            back: Default::default(),
            new: Default::default(),
            picker: LanePicker::default(),
            keys: Keys::default(),
            expected: Expectations::default(),
            timers: BinaryHeap::new(),
            waiting: Waiting::default(),
            lease_end: None,
            bytes: 0,
            changes: 0,
        }
    }

    /// A partition is assigned, with what is committed for it.
    pub(crate) fn assign(&mut self, topic: &str, partition: i32, role: Role, window: Window) {
        if let Some(before) = self.find(topic, partition) {
            self.revoke(before);
        }
        self.next_part += 1;
        let numbers = self.index.entry(topic.to_owned()).or_default();
        numbers.insert(partition, self.next_part);
        let is_sealed = window.is_sealed();
        // What was delivered before may be what ends a process, though this one was not ended by it.
        let careful_until = match (is_sealed, window.is_known()) {
            (true, _) => window.told_until(),
            (false, true) => window.low() + CAREFUL,
            // Until the first message tells where it begins.
            (false, false) => i64::MAX,
        };
        let assigned = Assigned {
            topic: topic.to_owned(),
            partition,
            role,
            careful_until,
            is_sealed,
            is_given_back: false,
            committed: window.low(),
            window,
            is_dirty: false,
            done: 0,
        };
        self.parts.insert(self.next_part, assigned);
    }

    /// What stands from this offset on was stored after the partition came here: it has ended no
    /// process before.
    pub(crate) fn is_new_from(&mut self, place: (&str, i32), offset: i64) {
        let part = self.find(place.0, place.1);
        if let Some(part) = part.and_then(|part| self.parts.get_mut(&part)) {
            part.careful_until = part.careful_until.min(offset);
        }
    }

    /// Our number of a partition that is assigned.
    pub(crate) fn find(&self, topic: &str, partition: i32) -> Option<u64> {
        self.index.get(topic)?.get(&partition).copied()
    }

    /// A partition is no longer ours. Tokens of its messages are stale from now on.
    pub(crate) fn revoke(&mut self, part: u64) {
        let Some(mut assigned) = self.parts.remove(&part) else {
            return;
        };
        if let Some(numbers) = self.index.get_mut(&assigned.topic) {
            numbers.remove(&assigned.partition);
        }
        for (_, state) in assigned.window.drain() {
            match state {
                State::Ready(entry) => self.bytes -= size(&entry),
                State::Out(..) | State::Waiting(_) | State::Done => {}
            }
        }
        self.out.retain(|_, out| out.spot.0 != part);
        self.expected.forget(&assigned.topic, assigned.partition);
        self.keys.remove_all_of(part);
        self.waiting.forget(part);
        self.stop(part);
        // Timers of it find nothing.
    }

    /// Hands out no more of a partition.
    pub(crate) fn stop(&mut self, part: u64) {
        for queue in self.back.iter_mut().chain(&mut self.new) {
            queue.retain(|spot| spot.0 != part);
        }
    }

    /// A message of this offset is on its way here, if its partition is ours.
    pub(crate) fn expect(
        &mut self,
        place: (&str, i32),
        offset: i64,
        lane: (usize, bool),
        now: Timestamp,
    ) {
        let part = self
            .find(place.0, place.1)
            .and_then(|part| self.parts.get(&part));
        if part.is_some_and(|part| !part.window.has_met(offset)) {
            self.expected.add(place, offset, lane, now);
        }
    }

    /// Whether a partition is to be read no further for now: what it has spans too far, or is too
    /// much of the `most` bytes that may wait. One that `was` reads on when it has half of that.
    pub(crate) fn is_wide(&self, part: u64, most: usize, was: bool) -> bool {
        let Some(assigned) = self.parts.get(&part) else {
            return false;
        };
        let (span, most) = if was {
            (WIDEST / 2, most / 2)
        } else {
            (WIDEST, most)
        };
        let is_heavy = self.waiting.is_heavy(part, most, self.parts.len());
        assigned.window.span() > span || is_heavy
    }

    /// Whether a delivery of a partition is out.
    pub(crate) fn is_busy(&self, part: u64) -> bool {
        self.out.values().any(|out| out.spot.0 == part)
    }

    /// How many messages may be delivered.
    pub(crate) fn ready(&self) -> usize {
        let queues = self.back.iter().chain(&self.new);
        queues.map(VecDeque::len).sum()
    }

    /// How many deliveries somebody holds or moves. Those past their lease may never be settled: nobody
    /// waits for them.
    pub(crate) fn held(&self) -> usize {
        let held = self.out.values().filter(|out| out.hold != Hold::Lapsed);
        held.count()
    }

    /// Whether a message of a partition is on its way elsewhere.
    pub(crate) fn is_moving(&self, part: u64) -> bool {
        let of_part = |out: &Out| out.spot.0 == part && out.hold == Hold::Moving;
        self.out.values().any(of_part)
    }

    /// It is done with: what its key holds up goes on.
    fn finish(&mut self, spot: Spot) -> Option<Box<Entry>> {
        let assigned = self.parts.get_mut(&spot.0)?;
        let mut entry = match assigned.window.finish(spot.1)? {
            State::Out(entry, fence) => {
                self.out.remove(&fence);
                entry
            }
            State::Ready(entry) => {
                self.bytes -= size(&entry);
                entry
            }
            State::Waiting(entry) => entry,
            State::Done => return None,
        };
        if let Some(lapsed) = entry.lapsed {
            self.out.remove(&lapsed);
        }
        self.waiting.remove(spot.0, &mut entry);
        assigned.is_dirty = true;
        assigned.done += 1;
        self.changes += 1;
        if self.ordering == Ordering::PerKey
            && let Some(key) = entry.key()
            && let Some(next) = self.keys.leave(entry.lane(), key, spot)
        {
            self.offer(next, false);
        }
        Some(entry)
    }

    /// What is seen of the lanes that are assigned, given where they end. What comes back to the
    /// group waits for its time, and is not looked at.
    pub(crate) fn seen(&self, end: impl Fn(&str, i32) -> Option<i64>) -> Vec<Seen> {
        let lanes = self.parts.iter().filter(|(_, p)| p.role == Role::Lane);
        let each = lanes.map(|(number, part)| Seen {
            topic: part.topic.clone(),
            partition: part.partition,
            part: *number,
            done: part.done,
            lag: end(&part.topic, part.partition).map(|end| (end - part.window.low()).max(0)),
        });
        each.collect()
    }
}

fn size(entry: &Entry) -> usize {
    entry.size()
}
