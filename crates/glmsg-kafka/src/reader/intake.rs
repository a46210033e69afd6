//! What the own client fetches of the partitions that are assigned, on its way into the inbox: a task
//! that waits for it, and for nothing else but room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glmsg_core::ErrorKind;
use glmsg_kafka_wire::{Fetched, Fetcher, Generation, Portion, Records, What};
use tokio::sync::Notify;

use crate::absence::Reason;
use crate::connection::Link;
use crate::entry::Entry;
use crate::group::Group;
use crate::read_record;
use crate::record;

/// The most messages that are made ready between two looks at everything else.
const AT_ONCE: usize = 128;
/// The most messages that wait to be taken.
pub(crate) const MOST_READY: usize = 8_000;
/// How long there may be no room until a group is said to stand still.
const STANDSTILL: Duration = Duration::from_millis(500);

/// What is fetched for a group.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) fetcher: Fetcher,
    /// The inbox's numbers of partitions, by what they are fetched as. What was fetched before a
    /// partition came here again has another number, and goes nowhere.
    parts: Mutex<HashMap<Generation, u64>>,
    /// Partitions that are paused until their windows are less wide.
    held: Mutex<Vec<(Arc<str>, i32)>>,
    room: Notify,
    /// Since when there has been no room.
    full_since: Mutex<Option<Instant>>,
    waits_for_room: AtomicBool,
}

impl Intake {
    pub(crate) fn new(link: &Link) -> Self {
        let settings = link.config().fetching();
        Self {
            fetcher: Fetcher::new(Arc::clone(&link.wire), settings),
            parts: Mutex::default(),
            held: Mutex::default(),
            room: Notify::new(),
            full_since: Mutex::default(),
            waits_for_room: AtomicBool::new(false),
        }
    }

    fn parts(&self) -> MutexGuard<'_, HashMap<Generation, u64>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Vec<(Arc<str>, i32)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn full_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.full_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to fetch a partition that the inbox has by this number.
    pub(super) fn begin(&self, topic: &str, partition: i32, offset: i64, part: u64) {
        let mut parts = self.parts();
        let generation = self.fetcher.assign(topic.into(), partition, offset);
        parts.insert(generation, part);
    }

    /// Fetches no more of partitions.
    pub(super) fn end<'a>(&self, partitions: impl Iterator<Item = (&'a str, i32, Option<u64>)>) {
        for (topic, partition, part) in partitions {
            self.fetcher.unassign(topic, partition);
            self.parts().retain(|_, other| Some(*other) != part);
            self.held()
                .retain(|(t, p)| &**t != topic || *p != partition);
        }
    }

    /// Goes on with partitions that were held and are no longer too wide.
    pub(super) fn go_on(&self, group: &Group) {
        if self.held().is_empty() {
            return;
        }
        let most = group.link.config().read_buffer;
        let held = std::mem::take(&mut *self.held());
        for (topic, partition) in held {
            let is_wide = {
                let inbox = group.inbox();
                let part = inbox.find(&topic, partition);
                part.is_some_and(|part| inbox.is_wide(part, most, true))
            };
            if is_wide {
                self.held().push((topic, partition));
            } else {
                self.fetcher.resume(&topic, partition);
            }
        }
    }

    /// There may be room.
    pub(crate) fn make_room(&self) {
        if self.waits_for_room.load(SeqCst) {
            self.room.notify_one();
        }
    }

    /// Whether nothing more is taken in for lack of room, and has not been for a while.
    pub(super) fn stands_still(&self) -> bool {
        let since = *self.full_since();
        since.is_some_and(|since| since.elapsed() >= STANDSTILL)
    }

    /// Where a partition ends for who reads what is committed. None while that is not known.
    pub(super) fn end_of(&self, topic: &str, partition: i32) -> Option<i64> {
        let known = self.fetcher.watermarks(topic, partition)?;
        Some(known.last_stable)
    }
}

/// Takes in what is fetched until the group is over.
pub(super) async fn run(group: Arc<Group>) {
    let mut ended = group.ended.subscribe();
    let work = async {
        loop {
            group.intake.wait_for_room(&group).await;
            let fetched = group.intake.fetcher.next().await;
            group.take_in(fetched).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = ended.wait_for(|ended| *ended) => {}
    }
}

impl Intake {
    async fn wait_for_room(&self, group: &Group) {
        if has_room(group) {
            return;
        }
        self.waits_for_room.store(true, SeqCst);
        loop {
            // Before looking: room that comes afterwards wakes it.
            let room = self.room.notified();
            if has_room(group) {
                break;
            }
            self.full_since().get_or_insert_with(Instant::now);
            room.await;
        }
        self.waits_for_room.store(false, SeqCst);
        *self.full_since() = None;
    }
}

fn has_room(group: &Group) -> bool {
    let inbox = group.inbox();
    inbox.bytes <= group.link.config().read_buffer && inbox.ready() <= MOST_READY
}

impl Group {
    async fn take_in(self: &Arc<Self>, fetched: Fetched) {
        let (topic, partition) = (&fetched.topic, fetched.partition);
        match fetched.what {
            What::Records(portion) => {
                self.take_records(topic, partition, fetched.generation, portion)
                    .await;
            }
            What::Moved { asked, earliest } => {
                tracing::warn!(
                    %topic, partition, asked, earliest,
                    "what was to be read is not there any more: it goes on with what is left"
                );
            }
            What::Missing(error) => {
                tracing::debug!(%topic, partition, %error, "a partition is not there");
                self.see_whether_it_is_there(Reason::Report);
            }
            What::Refused(error) if error.kind() == ErrorKind::PermissionDenied => self.fail(error),
            What::Refused(error) => {
                tracing::warn!(%topic, partition, %error, "a partition cannot be read");
            }
            What::Damaged { offset, error, .. } => {
                tracing::warn!(
                    %topic, partition, offset, %error,
                    "a batch cannot be read: it is asked for again until it can"
                );
            }
        }
    }

    async fn take_records(
        self: &Arc<Self>,
        topic: &Arc<str>,
        partition: i32,
        generation: Generation,
        portion: Portion,
    ) {
        let mut arrived = Arrived::default();
        for batch in portion.batches {
            let records = match batch.records() {
                Ok(records) => records,
                Err(error) => {
                    tracing::warn!(%topic, partition, %error, "a batch cannot be read");
                    return;
                }
            };
            let mut all = records.iter();
            loop {
                let is_more = arrived.fill(self, topic, partition, &mut all);
                let next = arrived.next;
                if !self.put(&mut arrived, generation, topic, partition, next) {
                    return;
                }
                if !is_more {
                    break;
                }
                self.intake.wait_for_room(self).await;
            }
        }
    }

    /// Puts what has arrived where sources take from. False if no more of this is to be taken in.
    fn put(
        &self,
        arrived: &mut Arrived,
        generation: Generation,
        topic: &Arc<str>,
        partition: i32,
        next: i64,
    ) -> bool {
        let entries = arrived.entries.drain(..);
        let Some(part) = self.intake.parts().get(&generation).copied() else {
            return false;
        };
        let now = self.now();
        let (is_wide, ready) = {
            let mut inbox = self.inbox();
            for (offset, entry) in entries {
                inbox.come(part, offset, entry, now);
            }
            let most = self.link.config().read_buffer;
            (inbox.is_wide(part, most, false), inbox.ready())
        };
        if ready > 0 {
            self.offer();
        }
        // The thread moves on what waits for its time, and commits what is done already.
        if std::mem::take(&mut arrived.has_times) {
            self.nudge();
        }
        if is_wide {
            self.hold(generation, topic, partition, next);
        }
        !is_wide
    }

    /// Reads a partition on from there when what is at its front is done.
    fn hold(&self, generation: Generation, topic: &Arc<str>, partition: i32, next: i64) {
        let intake = &self.intake;
        let mut parts = intake.parts();
        let Some(part) = parts.remove(&generation) else {
            return;
        };
        intake.fetcher.pause(topic, partition);
        if let Some(moved) = intake.fetcher.seek(topic, partition, next) {
            parts.insert(moved, part);
        }
        drop(parts);
        intake.held().push((Arc::clone(topic), partition));
    }
}

/// Messages that were read and are not in the inbox yet. Many go there at a time: whoever takes from it
/// holds the same lock.
#[derive(Default)]
struct Arrived {
    entries: Vec<(i64, Box<Entry>)>,
    /// One of them waits for its time.
    has_times: bool,
    /// The offset after the last.
    next: i64,
}

impl Arrived {
    /// Reads a few. Whether there may be more.
    fn fill<'a>(
        &mut self,
        group: &Group,
        topic: &'a str,
        partition: i32,
        all: &mut <&'a Records as IntoIterator>::IntoIter,
    ) -> bool {
        let comes_back = topic == group.names.retry;
        for _ in 0..AT_ONCE {
            let record = match all.next() {
                Some(Ok(record)) => record,
                Some(Err(error)) => {
                    tracing::warn!(topic, partition, %error, "a record cannot be read");
                    return false;
                }
                None => return false,
            };
            let offset = record.offset;
            let fetched = read_record::Fetched {
                topic,
                partition,
                record,
            };
            let entry = match comes_back {
                true => record::read(&fetched),
                false => record::read_published(&group.topic, &fetched),
            };
            self.has_times |= entry.due.is_some();
            self.next = offset + 1;
            self.entries.push((offset, Box::new(entry)));
        }
        true
    }
}
