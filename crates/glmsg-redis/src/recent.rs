//! What was acknowledged as stored lately, so that a server which has lost it is found out.
//!
//! A server may acknowledge a message and lose it: it dies before its disk or a replica has it. Nobody can tell but who
//! was promised. So each broker remembers what it was promised in the last seconds, looks after it when a server was
//! lost in between, stores again what is gone, and says so.

mod check;
mod kept;
mod tracker;
mod watch;

use std::collections::{BTreeSet, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glmsg_core::{Message, MessageId};
use tokio::sync::Notify;

use self::kept::{Kept, Note};
use crate::known::Known;
use crate::place::EntryId;
use crate::publish::size_of;

pub(crate) use kept::Framed;
pub(crate) use watch::Watch;

/// The most messages that are kept, and the most bytes. Of what is older the entries are.
const MOST_MESSAGES: usize = 10_000;
const MOST_BYTES: usize = 4 << 20;
/// The most entries that are kept without their messages.
const MOST_BARE: usize = 100_000;
/// What comes within this time shares a batch, up to so many messages and bytes.
const TOGETHER: Duration = Duration::from_millis(100);
const MOST_TOGETHER: (usize, usize) = (1000, 64 << 10);

/// Where a message was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) lane: u8,
    /// Its entry; or, where that is not known, an id which that of its entry is not below: one that is scheduled has no
    /// entry yet, and one whose first answer was lost has one of which nobody heard.
    pub(crate) id: EntryId,
    pub(crate) is_exact: bool,
}

impl Place {
    /// An entry among those of normal priority.
    pub(crate) fn normal(id: EntryId) -> Self {
        Self {
            lane: 1,
            id,
            is_exact: true,
        }
    }
}

/// What tells a note from all others: several of a frame have one entry.
type Over = (Place, Option<MessageId>);

/// What was acknowledged at about the same time, of one topic.
#[derive(Debug)]
struct Batch {
    known: Arc<Known>,
    /// When the last of it was.
    at: Instant,
    /// What its messages take.
    bytes: usize,
    kept: Kept,
}

/// What was acknowledged as stored lately, by all publishers of a broker.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    state: Mutex<State>,
    /// Grows whenever a server turned out to be another than before.
    era: AtomicU64,
    /// There is something to look after.
    wake: Notify,
    lost: AtomicU64,
    stored_again: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    /// How many batches at the front have no messages, and how many entries these have.
    bare: (usize, usize),
    messages: usize,
    bytes: usize,
    urgent: Urgent,
}

/// What cannot wait for the next look.
#[derive(Debug, Default)]
struct Urgent {
    /// Something was noted that was sent to a server which has been looked after since.
    late: bool,
    /// Topics that somebody did not find on the server.
    gone: Vec<Arc<Known>>,
}

impl Recent {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be taken before something is sent, and handed over with the answer.
    pub(crate) fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// Notes messages that were acknowledged.
    pub(crate) fn note(&self, known: &Arc<Known>, era: u64, notes: Vec<(Place, Message)>) {
        let bytes = notes.iter().map(|(_, message)| size_of(message)).sum();
        self.keep(known, era, bytes, Kept::Messages(notes));
    }

    /// Notes plain commands as they were written, each of which has made one of these entries.
    pub(crate) fn note_sent(
        &self,
        known: &Arc<Known>,
        era: u64,
        requests: Vec<Vec<u8>>,
        ids: Vec<EntryId>,
    ) {
        let bytes = requests.iter().map(Vec::len).sum();
        let head = known.add.len();
        let sent = Kept::Sent {
            requests,
            head,
            ids,
        };
        self.keep(known, era, bytes, sent);
    }

    /// Notes frames as they were written.
    pub(crate) fn note_framed(&self, known: &Arc<Known>, era: u64, frames: Vec<Framed>) {
        let bytes = frames.iter().map(|frame| frame.request.len()).sum();
        self.keep(known, era, bytes, Kept::Framed(frames));
    }

    fn keep(&self, known: &Arc<Known>, era: u64, bytes: usize, kept: Kept) {
        if kept.len() == 0 {
            return;
        }
        let now = Instant::now();
        let mut state = self.state();
        let was_empty = state.batches.is_empty();
        state.add(known, now, bytes, kept);
        let too_much = state.bound();
        let is_late = self.era() != era;
        state.urgent.late |= is_late;
        drop(state);
        // It is freed without the lock.
        drop(too_much);
        if was_empty || is_late {
            self.wake.notify_one();
        }
    }

    /// Somebody did not find a topic on the server.
    pub(crate) fn gone(&self, known: &Arc<Known>) {
        let mut state = self.state();
        if state.batches.iter().all(|batch| !batch.is_of(known)) {
            return;
        }
        let gone = &mut state.urgent.gone;
        if !gone.iter().any(|one| Arc::ptr_eq(one, known)) {
            gone.push(Arc::clone(known));
        }
        drop(state);
        self.wake.notify_one();
    }

    /// What was urgent waits for the next look.
    fn put_off<'a>(&self, late: bool, gone: impl Iterator<Item = &'a Arc<Known>>) {
        let urgent = &mut self.state().urgent;
        urgent.late |= late;
        urgent.gone.extend(gone.cloned());
    }

    /// Forgets a topic: it is deleted on purpose.
    pub(crate) fn forget(&self, known: &Arc<Known>) {
        self.state().replace(known, |_| Vec::new());
    }

    /// How many were lost, and how many of these were stored again.
    pub(crate) fn losses(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.lost), load(&self.stored_again))
    }

    fn is_empty(&self) -> bool {
        self.state().batches.is_empty()
    }

    fn take_urgent(&self) -> Urgent {
        mem::take(&mut self.state().urgent)
    }

    /// The topics of which something is noted.
    fn topics(&self) -> Vec<Arc<Known>> {
        let state = self.state();
        let mut found: Vec<Arc<Known>> = Vec::new();
        let mut seen = BTreeSet::new();
        for batch in &state.batches {
            if seen.insert(&batch.known.topic) {
                found.push(Arc::clone(&batch.known));
            }
        }
        found
    }

    /// From now on, what was sent before comes late.
    fn begin_era(&self) {
        let _state = self.state();
        self.era.fetch_add(1, Ordering::AcqRel);
    }

    /// All that is noted of a topic, oldest first.
    fn look(&self, known: &Arc<Known>) -> Vec<Note> {
        let state = self.state();
        let own = state.batches.iter().filter(|batch| batch.is_of(known));
        own.flat_map(|batch| batch.kept.notes()).collect()
    }

    /// Forgets what is no longer there, or needs no more looking after.
    fn remove(&self, known: &Arc<Known>, over: &BTreeSet<Over>) {
        if over.is_empty() {
            return;
        }
        self.state().replace(known, |kept| {
            let mut notes = kept.notes();
            let before = notes.len();
            notes.retain(|note| !over.contains(&note.over()));
            match notes.len() == before {
                true => vec![kept],
                false => Kept::of(notes),
            }
        });
    }

    /// Forgets what was acknowledged before a time.
    fn expire(&self, before: Instant) {
        let mut old = Vec::new();
        let mut state = self.state();
        while state.batches.front().is_some_and(|batch| batch.at < before) {
            old.extend(state.pop());
        }
        drop(state);
        drop(old);
    }

    fn count(&self, lost: u64, stored_again: u64) {
        self.lost.fetch_add(lost, Ordering::Relaxed);
        self.stored_again.fetch_add(stored_again, Ordering::Relaxed);
    }
}

impl State {
    fn add(&mut self, known: &Arc<Known>, at: Instant, bytes: usize, kept: Kept) {
        let (most, most_bytes) = MOST_TOGETHER;
        self.messages += kept.len();
        self.bytes += bytes;
        let kept = match self.batches.back_mut() {
            Some(last)
                if last.is_of(known)
                    && last.kept.len() < most
                    && last.bytes + bytes < most_bytes
                    && at.saturating_duration_since(last.at) < TOGETHER =>
            {
                let left = last.kept.append(kept);
                if left.is_none() {
                    (last.at, last.bytes) = (at, last.bytes + bytes);
                }
                left
            }
            _ => Some(kept),
        };
        self.batches.extend(kept.map(|kept| Batch {
            known: Arc::clone(known),
            at,
            bytes,
            kept,
        }));
    }

    /// Keeps within the bounds. Returns what is not kept.
    fn bound(&mut self) -> Vec<Kept> {
        let mut dropped = Vec::new();
        while self.messages > MOST_MESSAGES || self.bytes > MOST_BYTES {
            let Some(batch) = self.batches.get_mut(self.bare.0) else {
                break;
            };
            if batch.kept.is_whole() {
                self.messages -= batch.kept.len();
            }
            self.bytes -= mem::take(&mut batch.bytes);
            dropped.push(batch.kept.strip());
            self.bare = (self.bare.0 + 1, self.bare.1 + batch.kept.len());
        }
        while self.bare.1 > MOST_BARE {
            dropped.extend(self.pop());
        }
        dropped
    }

    fn pop(&mut self) -> Option<Kept> {
        let batch = self.batches.pop_front()?;
        self.bytes -= batch.bytes;
        match batch.kept.is_whole() {
            true => self.messages -= batch.kept.len(),
            false => self.bare = (self.bare.0 - 1, self.bare.1 - batch.kept.len()),
        }
        Some(batch.kept)
    }

    /// Puts what `with` makes of what is kept of a topic in its place, without messages before those with.
    fn replace(&mut self, known: &Arc<Known>, with: impl Fn(Kept) -> Vec<Kept>) {
        let (mut bare, mut whole) = (VecDeque::new(), VecDeque::new());
        for batch in mem::take(&mut self.batches) {
            let Batch {
                known: own,
                at,
                bytes,
                kept,
            } = batch;
            let kept = match own.topic == known.topic {
                true => with(kept),
                false => vec![kept],
            };
            for kept in kept {
                let side = if kept.is_whole() {
                    &mut whole
                } else {
                    &mut bare
                };
                let known = Arc::clone(&own);
                side.push_back(Batch {
                    known,
                    at,
                    bytes,
                    kept,
                });
            }
        }
        let sum = |batches: &VecDeque<Batch>| batches.iter().map(|one| one.kept.len()).sum();
        self.bare = (bare.len(), sum(&bare));
        self.messages = sum(&whole);
        self.bytes = bare.iter().chain(&whole).map(|batch| batch.bytes).sum();
        bare.append(&mut whole);
        self.batches = bare;
    }
}

impl Batch {
    fn is_of(&self, known: &Arc<Known>) -> bool {
        Arc::ptr_eq(&self.known, known) || self.known.topic == known.topic
    }
}

#[cfg(test)]
mod tests {
    use glmsg_core::{TopicName, wire};

    use super::*;

    fn known(topic: &str) -> Arc<Known> {
        let topic = TopicName::new(topic).expect("a name");
        Arc::new(Known::new("ns", &topic))
    }

    fn id(millis: usize) -> EntryId {
        EntryId {
            millis: millis as u64,
            number: 0,
        }
    }

    fn message(known: &Known, size: usize) -> Message {
        Message::new(known.topic.clone(), vec![0_u8; size]).expect("a message")
    }

    /// Commands as the plain way writes them.
    fn written(known: &Known, messages: &[Message]) -> Vec<u8> {
        let mut request = Vec::new();
        for message in messages {
            let body = wire::encode(message);
            request.extend_from_slice(&known.add);
            request.extend_from_slice(format!("{}\r\n", body.len()).as_bytes());
            request.extend_from_slice(&body);
            request.extend_from_slice(b"\r\n");
        }
        request
    }

    #[test]
    fn what_was_written_is_read_when_it_is_looked_after() {
        let (recent, known) = (Recent::default(), known("orders"));
        let messages: Vec<Message> = (0..60).map(|size| message(&known, size * 50)).collect();
        let mut at = 0;
        for part in messages.chunks(7) {
            let mut requests = vec![written(&known, part)];
            // What asks for safety after the last.
            requests[0].extend_from_slice(b"*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n");
            requests[0].truncate(written(&known, part).len());
            let ids = (at..at + part.len()).map(id).collect();
            at += part.len();
            recent.note_sent(&known, 0, requests, ids);
        }
        let notes = recent.look(&known);
        let ids: Vec<EntryId> = notes.iter().map(|note| note.place.id).collect();
        assert_eq!(ids, (0..60).map(id).collect::<Vec<_>>());
        for (note, message) in notes.iter().zip(&messages) {
            assert_eq!(note.id, Some(message.id()));
            let kept = note.message.as_ref().expect("it is kept");
            assert_eq!(wire::encode(kept), wire::encode(message));
        }
        let some = BTreeSet::from([notes[3].over(), notes[59].over()]);
        recent.remove(&known, &some);
        assert_eq!(recent.look(&known).len(), 58);
        assert_eq!(recent.state().messages, 58);
    }

    #[test]
    fn memory_is_bounded_and_entries_last_longer_than_messages() {
        let (recent, one, other) = (Recent::default(), known("one"), known("other"));
        let message = message(&one, 100);
        let request = written(&one, std::slice::from_ref(&message));
        for n in 0..150_000 {
            match n % 2 {
                0 => recent.note_sent(&one, 0, vec![request.clone()], vec![id(n)]),
                _ => recent.note(&other, 0, vec![(Place::normal(id(n)), message.clone())]),
            }
        }
        let (messages, bare, bytes) = {
            let state = recent.state();
            (state.messages, state.bare.1, state.bytes)
        };
        assert!((9_000..=MOST_MESSAGES).contains(&messages), "{messages}");
        assert!((99_000..=MOST_BARE).contains(&bare), "{bare}");
        assert!(bytes <= MOST_BYTES);
        let (own, others) = (recent.look(&one), recent.look(&other));
        assert_eq!(own.len() + others.len(), messages + bare);
        assert!(own[0].id.is_none() && others[0].id == Some(message.id()));
        assert_eq!(own.last().expect("one").id, Some(message.id()));
        recent.forget(&one);
        assert_eq!(recent.topics().len(), 1);
        recent.expire(Instant::now());
        let state = recent.state();
        assert_eq!((state.messages, state.bare, state.bytes), (0, (0, 0), 0));
        assert!(state.batches.is_empty());
    }

    #[test]
    fn what_was_sent_before_a_new_era_is_late() {
        let (recent, known) = (Recent::default(), known("orders"));
        let era = recent.era();
        let note = || vec![(Place::normal(id(1)), message(&known, 1))];
        recent.note(&known, era, note());
        assert!(!recent.take_urgent().late);
        recent.begin_era();
        recent.note(&known, era, note());
        assert!(recent.take_urgent().late);
        recent.note(&known, recent.era(), note());
        assert!(!recent.take_urgent().late);
    }
}
