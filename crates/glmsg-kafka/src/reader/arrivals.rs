//! Messages that were read and are not in the inbox yet. They are handed over by whoever opens it next:
//! so the task that reads does not wait for those who take and settle, and they not for it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glmsg_core::Timestamp;
use glmsg_kafka_wire::{Fetcher, Generation};

use crate::entry::Entry;
use crate::inbox::Inbox;

/// Messages of one partition, one behind the other.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) generation: Generation,
    pub(super) entries: Vec<(i64, Box<Entry>)>,
    pub(super) bytes: usize,
}

/// As what a partition is read.
#[derive(Debug)]
struct Feed {
    /// Its number in the inbox.
    part: u64,
    /// It is read no further until its window is less wide.
    is_held: bool,
}

/// What has arrived, and for which partitions more may.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    queue: Mutex<VecDeque<Arrival>>,
    /// How many messages and bytes are in it.
    count: AtomicUsize,
    bytes: AtomicUsize,
    /// By what they are read as. What was read before a partition came here again has another number,
    /// and goes nowhere.
    feeds: Mutex<HashMap<Generation, Feed>>,
    held: Mutex<Vec<(Arc<str>, i32)>>,
}

impl Arrivals {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Arrival>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<Generation, Feed>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Vec<(Arc<str>, i32)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to read a partition that the inbox has by this number.
    pub(super) fn begin(&self, fetcher: &Fetcher, place: (&str, i32), offset: i64, part: u64) {
        let mut feeds = self.feeds();
        let generation = fetcher.assign(place.0.into(), place.1, offset);
        let is_held = false;
        feeds.insert(generation, Feed { part, is_held });
    }

    /// Reads no more of a partition.
    pub(super) fn end(&self, fetcher: &Fetcher, (topic, partition): (&str, i32), part: u64) {
        fetcher.unassign(topic, partition);
        self.feeds().retain(|_, feed| feed.part != part);
        self.held()
            .retain(|(t, p)| &**t != topic || *p != partition);
    }

    /// Adds what was read, if more of its partition is wanted. What is read of one that is held is let go, to
    /// be read again from there on.
    pub(super) fn add(&self, fetcher: &Fetcher, arrival: Arrival) -> bool {
        // Held meanwhile, so that nothing comes into the queue after its partition was held.
        let mut feeds = self.feeds();
        let Some(feed) = feeds.get(&arrival.generation) else {
            return false;
        };
        let Some((first, _)) = arrival.entries.first() else {
            return true;
        };
        if feed.is_held {
            let (part, is_held) = (feed.part, true);
            // What came before it under the old number is in the queue still.
            if let Some(moved) = fetcher.seek(&arrival.topic, arrival.partition, *first) {
                feeds.insert(moved, Feed { part, is_held });
            }
            return false;
        }
        self.count.fetch_add(arrival.entries.len(), SeqCst);
        self.bytes.fetch_add(arrival.bytes, SeqCst);
        self.queue().push_back(arrival);
        true
    }

    /// Takes no more of what is read as this.
    pub(super) fn stop(&self, generation: Generation) {
        self.feeds().remove(&generation);
    }

    /// How many messages and bytes there are.
    pub(super) fn level(&self) -> (usize, usize) {
        (self.count.load(SeqCst), self.bytes.load(SeqCst))
    }

    /// Puts everything into the inbox. Partitions of which so many bytes are there that they are too wide
    /// are read no further.
    pub(super) fn hand_over(
        &self,
        fetcher: &Fetcher,
        inbox: &mut Inbox,
        most: usize,
        now: impl FnOnce() -> Timestamp,
    ) {
        if self.count.load(SeqCst) == 0 {
            return;
        }
        let queue = std::mem::take(&mut *self.queue());
        let now = now();
        for arrival in queue {
            self.count.fetch_sub(arrival.entries.len(), SeqCst);
            self.bytes.fetch_sub(arrival.bytes, SeqCst);
            let part = self.feeds().get(&arrival.generation).map(|feed| feed.part);
            let Some(part) = part else { continue };
            for (offset, entry) in arrival.entries {
                inbox.come(part, offset, entry, now);
            }
            if inbox.is_wide(part, most, false) {
                self.hold(fetcher, &arrival.topic, arrival.partition, part);
            }
        }
    }

    /// Reads a partition no further until what is at its front is done.
    fn hold(&self, fetcher: &Fetcher, topic: &Arc<str>, partition: i32, part: u64) {
        let mut feeds = self.feeds();
        for feed in feeds.values_mut().filter(|feed| feed.part == part) {
            feed.is_held = true;
        }
        fetcher.pause(topic, partition);
        drop(feeds);
        let mut held = self.held();
        let place = (Arc::clone(topic), partition);
        if !held.contains(&place) {
            held.push(place);
        }
    }

    /// Partitions that are held, to be looked at.
    pub(super) fn take_held(&self) -> Vec<(Arc<str>, i32)> {
        std::mem::take(&mut *self.held())
    }

    /// It is still too wide.
    pub(super) fn hold_on(&self, place: (Arc<str>, i32)) {
        self.held().push(place);
    }

    /// Reads a partition on, if the inbox has it.
    pub(super) fn go_on(
        &self,
        fetcher: &Fetcher,
        (topic, partition): (&str, i32),
        part: Option<u64>,
    ) {
        let mut feeds = self.feeds();
        let of_part = feeds.iter().filter(|(_, feed)| Some(feed.part) == part);
        let newest = of_part.map(|(generation, _)| *generation).max();
        // What came under earlier numbers was handed over when the inbox was opened to look.
        feeds.retain(|generation, feed| Some(feed.part) != part || Some(*generation) == newest);
        for feed in feeds.values_mut().filter(|feed| Some(feed.part) == part) {
            feed.is_held = false;
        }
        fetcher.resume(topic, partition);
    }
}
