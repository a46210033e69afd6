//! A topic: its messages and groups behind one lock.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use glmsg_broker::{TopicConfig, TopicInfo};
use glmsg_core::{Error, GroupName, Message, Result, Timestamp, TopicName};

use crate::error::{closed, no_group, no_topic};
use crate::group::{Group, LANES};
use crate::id_set::{IdSet, Kept};
use crate::lane::{Lane, Slot};
use crate::schedule::Scheduled;

/// A topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: TopicName,
    state: Mutex<TopicState>,
}

/// Why nothing can be done with a topic any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Deleted,
    Closed,
}

/// What a topic holds.
#[derive(Debug)]
pub(crate) struct TopicState {
    pub(crate) ended: Option<End>,
    pub(crate) config: TopicConfig,
    pub(crate) lanes: [Lane; LANES],
    pub(crate) scheduled: Scheduled,
    pub(crate) groups: BTreeMap<GroupName, Group>,
    /// Of all messages in the lanes and scheduled.
    pub(crate) ids: IdSet,
    /// The ordinal of the next message to get a place.
    pub(crate) next_ordinal: u64,
    /// Messages dropped, to be freed when the lock is not held.
    pub(crate) dropped: Vec<Message>,
    /// The latest time seen: time does not run backwards in a topic.
    now: Timestamp,
}

impl Topic {
    pub(crate) fn new(name: TopicName, config: TopicConfig) -> Self {
        Self {
            name,
            state: Mutex::new(TopicState {
                ended: None,
                config,
                lanes: Default::default(),
                scheduled: Scheduled::default(),
                groups: BTreeMap::new(),
                ids: IdSet::new(),
                next_ordinal: 1,
                dropped: Vec::new(),
                now: Timestamp::EPOCH,
            }),
        }
    }

    /// Locks it as it is.
    pub(crate) fn lock(&self) -> MutexGuard<'_, TopicState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks it as it is at the time `now`: what is due has its place, what is too old is gone.
    /// Gives the topic's time too.
    pub(crate) fn at(
        &self,
        now: Timestamp,
    ) -> Result<(MutexGuard<'_, TopicState>, Timestamp), End> {
        let mut state = self.lock();
        if let Some(end) = state.ended {
            return Err(end);
        }
        let now = state.tick(now);
        Ok((state, now))
    }

    /// The error for a topic that has ended.
    pub(crate) fn error(&self, end: End) -> Error {
        match end {
            End::Deleted => no_topic(&self.name),
            End::Closed => closed(),
        }
    }

    /// Ends the topic and its subscriptions.
    pub(crate) fn end(&self, end: End) {
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        state.ended = Some(end);
        let groups = std::mem::take(&mut state.groups);
        let lanes = std::mem::take(&mut state.lanes);
        state.ids = IdSet::new();
        state.scheduled = Scheduled::default();
        drop(state);
        for group in groups.values() {
            group.waiting.wake_all();
        }
        drop(lanes);
    }

    /// Wakes a member of each group, because the time has changed.
    pub(crate) fn wake(&self) {
        for group in self.lock().groups.values() {
            group.waiting.wake();
        }
    }

    pub(crate) fn info(&self, state: &TopicState) -> TopicInfo {
        TopicInfo {
            name: self.name.clone(),
            messages: state.len(),
            scheduled: state.scheduled.len(),
            groups: state.groups.len() as u64,
            dead_letters: state.groups.values().map(|g| g.dead.len()).sum(),
            config: state.config.clone(),
        }
    }

    pub(crate) fn group<'a>(
        &self,
        state: &'a mut TopicState,
        name: &GroupName,
    ) -> Result<(&'a mut Group, &'a [Lane; LANES])> {
        let group = state.groups.get_mut(name);
        let group = group.ok_or_else(|| no_group(&self.name, name))?;
        Ok((group, &state.lanes))
    }
}

impl TopicState {
    /// All messages, scheduled ones included.
    pub(crate) fn len(&self) -> u64 {
        self.lanes.iter().map(Lane::len).sum::<u64>() + self.scheduled.len()
    }

    fn tick(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        let now = self.now;
        while let Some((due, message)) = self.scheduled.pop(now) {
            let expires_at = message.ttl().map(|ttl| due.after(ttl));
            self.append(message, Kept::Other, now, expires_at);
        }
        self.drop_aged(now);
        now
    }

    /// Gives a message its place.
    pub(crate) fn append(
        &mut self,
        message: Message,
        kept: Kept,
        stored_at: Timestamp,
        expires_at: Option<Timestamp>,
    ) {
        let lane = usize::from(message.priority().as_u8());
        self.lanes[lane].push(Slot {
            message,
            ordinal: self.next_ordinal,
            stored_at,
            kept,
            expires_at: expires_at.unwrap_or(Timestamp::MAX),
        });
        self.next_ordinal += 1;
    }
}
