//! What the own client fetches of the partitions that are assigned, on its way into the inbox: a task
//! that waits for it, and for nothing else but room.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glmsg_core::{Clock as _, Error, ErrorKind, SystemClock};
use glmsg_kafka_wire::{Fetched, Fetcher, What};
use tokio::sync::Notify;

use super::arrivals::Arrivals;
use super::spent::{Boxes, Spent};
use crate::absence::Reason;
use crate::connection::Link;
use crate::group::Group;
use crate::inbox::{Inbox, MOST_READY};

/// How long there may be no room until a group is said to stand still.
const STANDSTILL: Duration = Duration::from_millis(500);

/// What is fetched for a group.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(super) fetcher: Fetcher,
    pub(super) arrivals: Arrivals,
    pub(super) spent: Spent,
    /// How many messages in the inbox may be delivered, and how many bytes they are.
    ready: AtomicUsize,
    bytes: AtomicUsize,
    most_bytes: usize,
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
            arrivals: Arrivals::default(),
            spent: Spent::default(),
            ready: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            most_bytes: link.config().read_buffer,
            room: Notify::new(),
            full_since: Mutex::default(),
            waits_for_room: AtomicBool::new(false),
        }
    }

    fn full_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.full_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to fetch a partition that the inbox has by this number.
    pub(super) fn begin(&self, place: (&str, i32), offset: i64, part: u64) {
        self.arrivals.begin(&self.fetcher, place, offset, part);
    }

    /// Fetches no more of a partition.
    pub(super) fn end(&self, place: (&str, i32), part: u64) {
        self.arrivals.end(&self.fetcher, place, part);
    }

    /// Takes what was kept of messages that are done. While more are read, their memory is used again.
    pub(crate) fn give_back(&self, done: Boxes) {
        match self.ready.load(SeqCst) {
            // Nothing comes after them that would want it.
            0 => drop(self.spent.take()),
            _ => self.spent.add(done),
        }
    }

    /// Has what has arrived be in the inbox.
    pub(crate) fn hand_over(&self, inbox: &mut Inbox) {
        let now = || SystemClock.now();
        self.arrivals
            .hand_over(&self.fetcher, inbox, self.most_bytes, now);
    }

    /// What the inbox has, for the task that reads to know. It reads on when half of what there may be is
    /// taken: not a few messages at a time.
    pub(crate) fn note_level(&self, inbox: &Inbox) {
        let (ready, bytes) = (inbox.ready(), inbox.bytes);
        self.ready.store(ready, SeqCst);
        self.bytes.store(bytes, SeqCst);
        if self.waits_for_room.load(SeqCst)
            && ready <= MOST_READY / 2
            && bytes <= self.most_bytes / 2
        {
            self.room.notify_one();
        }
    }

    /// Goes on with partitions that were held and are no longer too wide.
    pub(super) fn go_on(&self, group: &Group) {
        for (topic, partition) in self.arrivals.take_held() {
            let (part, is_wide) = {
                let inbox = group.inbox();
                let part = inbox.find(&topic, partition);
                let is_wide = part.is_some_and(|part| inbox.is_wide(part, self.most_bytes, true));
                (part, is_wide)
            };
            if is_wide {
                self.arrivals.hold_on((topic, partition));
            } else {
                self.arrivals
                    .go_on(&self.fetcher, (&topic, partition), part);
            }
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

    pub(super) fn has_room(&self) -> bool {
        let (count, bytes) = self.arrivals.level();
        self.bytes.load(SeqCst) + bytes <= self.most_bytes
            && self.ready.load(SeqCst) + count <= MOST_READY
    }

    pub(super) async fn wait_for_room(&self) {
        if self.has_room() {
            return;
        }
        self.waits_for_room.store(true, SeqCst);
        loop {
            // Before looking: room that comes afterwards wakes it.
            let room = self.room.notified();
            if self.has_room() {
                break;
            }
            self.full_since().get_or_insert_with(Instant::now);
            room.await;
        }
        self.waits_for_room.store(false, SeqCst);
        *self.full_since() = None;
    }
}

/// Takes in what is fetched until the group is over.
pub(super) async fn run(group: Arc<Group>) {
    let _guard = Guard(Arc::clone(&group));
    let mut ended = group.ended.subscribe();
    let work = async {
        loop {
            group.intake.wait_for_room().await;
            let fetched = group.intake.fetcher.next().await;
            group.take_in(fetched).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = ended.wait_for(|ended| *ended) => {}
    }
}

/// The runtime that the first source came with may end while others of the process go on with the group, by
/// which nothing would be read or committed any more. They are told, and who joins again begins anew.
struct Guard(Arc<Group>);

impl Drop for Guard {
    fn drop(&mut self) {
        if !*self.0.ended.borrow() {
            let text = "the runtime with which this process joined the group has ended";
            let error = Error::new(ErrorKind::Closed, text);
            self.0.fail(error.remedy("subscribe again"));
        }
    }
}

impl Group {
    async fn take_in(self: &Arc<Self>, fetched: Fetched) {
        let (topic, partition) = (&fetched.topic, fetched.partition);
        match fetched.what {
            What::Records(portion) => {
                let place = (topic, partition, fetched.generation);
                self.take_records(place, portion).await;
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
}
