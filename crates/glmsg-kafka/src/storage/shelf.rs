//! A partition as this process reads it.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use glmsg_core::{Clock as _, SystemClock, Timestamp};
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;
use tokio::sync::watch;

use super::clock::ClusterClock;
use super::command::Command;
use super::key::{OpId, RecordKey};
use super::loading::Loading;
use super::view::View;
use crate::read_record::ReadRecord as _;

/// How many bytes of logs are held of each partition; what is older is read from the topic again.
const CACHE: usize = 4 << 20;

/// A partition.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) partition: i32,
    stage: Mutex<Stage>,
    /// The offset up to which it was read; below 0 as long as nothing came, not even that it is empty.
    pub(super) reached: watch::Sender<i64>,
    /// Where it ended, and by which question that is known.
    pub(super) end: tokio::sync::Mutex<(u64, i64)>,
    /// How many times that was asked.
    pub(super) asked: AtomicU64,
    pub(super) is_swept: AtomicBool,
}

#[derive(Debug)]
pub(super) enum Stage {
    Loading(Loading),
    Ready(Box<View>),
}

impl Shelf {
    pub(super) fn new(partition: i32) -> Self {
        Self {
            partition,
            stage: Mutex::new(Stage::Loading(Loading::default())),
            reached: watch::Sender::new(-1),
            end: tokio::sync::Mutex::default(),
            asked: AtomicU64::new(0),
            is_swept: AtomicBool::new(false),
        }
    }

    pub(super) fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the view; `None` as long as there is none.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut View) -> T) -> Option<T> {
        match &mut *self.stage() {
            Stage::Ready(view) => Some(work(view)),
            Stage::Loading(_) => None,
        }
    }

    /// Takes the next record of the partition. `false` if it is not the one that comes next: what was
    /// read so far is worth nothing then, as the topic was made anew, or compaction has taken out
    /// something that was not read.
    pub(super) fn take(&self, record: &BorrowedMessage<'_>, clock: &ClusterClock) -> bool {
        let (offset, at) = (record.offset(), record.stored_at());
        let key = record.key().and_then(RecordKey::read);
        let value = record.payload().map(Bytes::copy_from_slice);
        {
            let mut stage = self.stage();
            match &mut *stage {
                Stage::Loading(loading) => match key {
                    Some(key) => loading.add(offset, at, key, value.as_ref(), CACHE),
                    None => loading.skip(offset),
                },
                Stage::Ready(view) => {
                    if offset != view.next {
                        drop(stage);
                        self.begin_again();
                        return false;
                    }
                    let since = apply(view, offset, at, key, value.as_ref());
                    clock.tell(at, since);
                }
            }
        }
        self.reached.send_replace(offset + 1);
        true
    }

    /// What was read so far is worth nothing.
    pub(super) fn begin_again(&self) {
        *self.stage() = Stage::Loading(Loading::default());
        self.reached.send_replace(-1);
    }

    /// Whether it is being read from its beginning.
    pub(super) fn is_loading(&self) -> bool {
        matches!(&*self.stage(), Stage::Loading(_))
    }

    /// The client has come to its end. Until it says so of an empty one it may not yet read at all, and
    /// what is stored then comes half a second later.
    pub(super) fn is_read(&self) {
        let begin = |reached: &mut i64| {
            let is_first = *reached < 0;
            *reached = (*reached).max(0);
            is_first
        };
        self.reached.send_if_modified(begin);
    }

    /// All that was stored when it was asked for last has been read: judges it.
    pub(super) fn settle(&self) {
        let mut stage = self.stage();
        if let Stage::Loading(loading) = &mut *stage {
            *stage = Stage::Ready(Box::new(std::mem::take(loading).judge(View::new(CACHE))));
        }
    }
}

fn apply(
    view: &mut View,
    offset: i64,
    at: Timestamp,
    key: Option<RecordKey>,
    value: Option<&Bytes>,
) -> Option<Timestamp> {
    match (key, value) {
        (Some(RecordKey::Change(address)), Some(value)) => match Command::read(value) {
            Some(command) => return view.change(offset, at, address, command),
            None => view.skip(offset),
        },
        (Some(RecordKey::Change(address)), None) => view.bury(offset, &address),
        (Some(RecordKey::Floor(floor)), Some(_)) => view.raise(offset, floor),
        (Some(RecordKey::Floor(floor)), None) => view.lower(offset, floor),
        (None, _) => view.skip(offset),
    }
    None
}

/// Watches for an operation, as long as it lives.
pub(super) struct Watched<'a> {
    shelf: &'a Shelf,
    pub(super) op: OpId,
}

impl<'a> Watched<'a> {
    pub(super) fn new(shelf: &'a Shelf) -> Self {
        let op = OpId::random();
        shelf.with(|view| view.register(op, SystemClock.now()));
        Self { shelf, op }
    }

    /// Whether it was made, if anything of it was read.
    pub(super) fn outcome(&self) -> Option<bool> {
        self.shelf.with(|view| view.outcome(self.op)).flatten()
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.shelf.with(|view| view.forget(self.op));
    }
}
