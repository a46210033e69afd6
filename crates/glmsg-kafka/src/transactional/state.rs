//! What a transactional member shares with its thread.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use glmsg_broker::LanePicker;
use glmsg_core::{
    Clock as _, DeadLetterReason, Error, GroupName, Message, Result, SystemClock, Timestamp,
    TopicName,
};
use glmsg_kafka_wire::NewHeaders;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::standing::Standing;
use crate::absence::{Absence, Reason};
use crate::bell::Bell;
use crate::broker::{Shared, closed, no_group};
use crate::connection::Link;
use crate::entry::{Content, Entry};
use crate::moving;
use crate::names::{GroupNames, TopicNames};

/// The queue of what comes back and of what was scheduled. Those before it are the lanes'.
pub(super) const BACK: usize = 4;

/// A partition of a group: the number of its topic among [`Desk::topics`], and its own.
pub(super) type Part = (usize, i32);

/// Where a record stands.
pub(super) type Place = (Part, i64);

/// A record that was read.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) place: Place,
    pub(super) entry: Box<Entry>,
}

impl Held {
    pub(super) fn size(&self) -> usize {
        let payload = match &self.entry.content {
            Content::Message(message) => message.payload().len(),
            Content::Bytes(bytes, _) => bytes.len(),
        };
        payload + 256
    }
}

/// A message that a transaction has read.
#[non_exhaustive]
#[derive(Clone)]
pub struct Input {
    /// The message.
    pub message: Message,
    /// Which delivery of it to the group this is, from 1, as far as that is known: those that
    /// failed or ended with their process count, and those of a transaction that was aborted for
    /// another reason do not.
    pub attempt: u32,
    pub(super) held: Held,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Input").field(&self.message).finish()
    }
}

/// A record to be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) topic: String,
    pub(super) partition: Option<i32>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: bytes::Bytes,
    pub(super) headers: NewHeaders,
}

/// How much memory records take, about.
pub(super) fn size(records: &[Outgoing]) -> usize {
    records.iter().map(|r| r.value.len() + 256).sum()
}

/// The transaction under way.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Up to where it has read each partition: the offset after the last record.
    pub(super) taken: BTreeMap<Part, i64>,
    pub(super) outgoing: Vec<Outgoing>,
    /// Something of it is with the producer.
    pub(super) has_sent: bool,
    /// Somebody waits for room among what is published.
    pub(super) wants_room: bool,
    /// No more is received in it.
    pub(super) is_last: bool,
    /// When the first message was read or published.
    pub(super) since: Option<Instant>,
    /// It is aborted, and why.
    pub(super) doomed: Option<Error>,
}

/// What was read, and what is to be done.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) queues: [VecDeque<Held>; BACK + 1],
    pub(super) picker: LanePicker,
    pub(super) count: usize,
    pub(super) bytes: usize,
    pub(super) open: Option<Open>,
    pub(super) parts: BTreeMap<Part, Standing>,
    failure: Option<Error>,
}

/// Where a transactional member and its thread meet.
pub(super) struct Desk {
    pub(super) topic: TopicName,
    pub(super) group: GroupName,
    pub(super) names: GroupNames,
    /// Those that are read: the lanes, what is scheduled, what comes back.
    pub(super) topics: [String; 6],
    pub(super) link: Arc<Link>,
    pub(super) runtime: Handle,
    state: Mutex<State>,
    pub(super) bell: Bell,
    absence: Absence,
    /// Something was read or has failed, or there is room to publish.
    pub(super) changed: Notify,
    pub(super) ended: watch::Sender<bool>,
}

impl Desk {
    pub(super) fn new(
        topic: &TopicName,
        group: &GroupName,
        topics: &TopicNames,
        names: GroupNames,
        shared: &Shared,
    ) -> Self {
        let [low, normal, high, critical] = topics.lanes.clone();
        let (later, retry) = (topics.later.clone(), names.retry.clone());
        Self {
            topic: topic.clone(),
            group: group.clone(),
            names,
            topics: [low, normal, high, critical, later, retry],
            link: Arc::clone(&shared.link),
            runtime: Handle::current(),
            state: Mutex::default(),
            bell: Bell::default(),
            absence: Absence::new(),
            changed: Notify::new(),
            ended: watch::Sender::new(false),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    pub(super) fn part(&self, topic: &str, partition: i32) -> Option<Part> {
        let number = self.topics.iter().position(|own| own == topic)?;
        Some((number, partition))
    }

    /// Whether a topic is that of what comes back.
    pub(super) fn is_retry(&self, part: Part) -> bool {
        part.0 == BACK + 1
    }

    /// Looks now and then whether the topic and the group are there.
    pub(super) fn turn(self: &Arc<Self>) {
        if self.absence.is_due() {
            self.see_whether_it_is_there(Reason::Time);
        }
    }

    /// Perhaps the topic or the group was deleted.
    pub(super) fn see_whether_it_is_there(self: &Arc<Self>, reason: Reason) {
        let names = [&*self.names.retry, &*self.topics[1]];
        let this = Arc::clone(self);
        self.absence
            .look((&self.runtime, &self.link), names, reason, move || {
                this.fail(no_group(&this.topic, &this.group));
            });
    }

    /// Nothing goes on any more.
    pub(super) fn fail(&self, error: Error) {
        self.state().failure.get_or_insert(error);
        self.changed.notify_waiters();
    }

    pub(super) fn failure(&self) -> Option<Error> {
        self.state().failure.as_ref().map(Error::duplicate)
    }

    /// Ends the transaction under way with an error that its next calls tell.
    pub(super) fn doom(&self, error: Error) {
        if let Some(open) = &mut self.state().open {
            open.doomed.get_or_insert(error);
        }
        self.changed.notify_waiters();
    }

    /// Adds records to what the open transaction publishes, all or none: there has to be room for
    /// them among `most` bytes, or nothing else. Tells whether there was.
    pub(super) fn add(&self, records: &mut Vec<Outgoing>, most: usize) -> Result<bool> {
        let mut state = self.state();
        state.check()?;
        let Some(open) = &mut state.open else {
            return Err(closed());
        };
        if !open.outgoing.is_empty() && size(&open.outgoing) + size(records) > most {
            open.wants_room = true;
            return Ok(false);
        }
        open.since.get_or_insert_with(Instant::now);
        open.outgoing.append(records);
        Ok(true)
    }

    /// An entry as a dead letter that is to be sent.
    pub(super) fn letter(&self, entry: &Entry, reason: DeadLetterReason, why: &str) -> Outgoing {
        let sent = moving::letter(entry, reason, why, self.now());
        Outgoing {
            topic: self.names.dead.clone(),
            partition: Some(0),
            key: entry.key().map(|key| key.as_bytes().to_vec()),
            value: sent.value.into(),
            headers: sent.headers,
        }
    }
}

impl State {
    /// Whether the open transaction can go on.
    pub(super) fn check(&self) -> Result<()> {
        let doomed = self.open.as_ref().and_then(|open| open.doomed.as_ref());
        match self.failure.as_ref().or(doomed) {
            Some(error) => Err(error.duplicate()),
            None if self.open.is_none() => Err(closed()),
            None => Ok(()),
        }
    }

    /// Handling a message has failed.
    pub(super) fn fail(&mut self, (part, offset): Place) {
        if let Some(standing) = self.parts.get_mut(&part) {
            standing.fail(offset);
        }
    }

    pub(super) fn push(&mut self, held: Held) {
        self.count += 1;
        self.bytes += held.size();
        self.queues[held.place.0.0.min(BACK)].push_back(held);
    }

    /// Forgets what was read of partitions and not taken.
    pub(super) fn forget(&mut self, is_gone: impl Fn(Part) -> bool) {
        for queue in &mut self.queues {
            queue.retain(|held| !is_gone(held.place.0));
        }
        let all = || self.queues.iter().flatten();
        (self.count, self.bytes) = (all().count(), all().map(Held::size).sum());
    }
}
