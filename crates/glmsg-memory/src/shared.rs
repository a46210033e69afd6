//! What all handles of a broker share: its topics and its clock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use glmsg_broker::StartFrom;
use glmsg_core::{GroupName, Result, Timestamp, TopicName};

use crate::MemoryConfig;
use crate::error::{closed, no_topic};
use crate::group::{Group, LANES};
use crate::lane::Lane;
use crate::live::Listeners;
use crate::replay::unknown_message;
use crate::storage::Shelves;
use crate::topic::{End, Topic, TopicState};

/// What all handles of a broker share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: MemoryConfig,
    topics: RwLock<Topics>,
    pub(crate) listeners: Listeners,
    pub(crate) shelves: Shelves,
    /// The last fence or group number given out.
    numbers: AtomicU64,
}

#[derive(Debug, Default)]
struct Topics {
    is_closed: bool,
    by_name: HashMap<TopicName, Arc<Topic>>,
}

impl Shared {
    pub(crate) fn new(config: MemoryConfig) -> Self {
        Self {
            config,
            topics: RwLock::default(),
            listeners: Listeners::default(),
            shelves: Shelves::default(),
            numbers: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.config.clock.now()
    }

    /// A number never given out before.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn read(&self) -> Result<RwLockReadGuard<'_, Topics>> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        if topics.is_closed {
            return Err(closed());
        }
        Ok(topics)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Topics> {
        self.topics.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        self.read().map(drop)
    }

    /// All topics, by name.
    pub(crate) fn topics(&self) -> Result<Vec<Arc<Topic>>> {
        let mut topics: Vec<_> = self.read()?.by_name.values().cloned().collect();
        topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    pub(crate) fn topic(&self, name: &TopicName) -> Result<Arc<Topic>> {
        let topics = self.read()?;
        let found = topics.by_name.get(name).cloned();
        found.ok_or_else(|| no_topic(name))
    }

    pub(crate) fn topic_or_new(&self, name: &TopicName) -> Result<Arc<Topic>> {
        if let Some(topic) = self.read()?.by_name.get(name) {
            return Ok(topic.clone());
        }
        let mut topics = self.write();
        if topics.is_closed {
            return Err(closed());
        }
        let bounds = &self.config.topic;
        let new = || Arc::new(Topic::new(name.clone(), bounds.clone()));
        Ok(topics
            .by_name
            .entry(name.clone())
            .or_insert_with(new)
            .clone())
    }

    /// Does something with a topic, which is created where needed, to read it from `start`.
    pub(crate) fn with_new_topic<T>(
        &self,
        name: &TopicName,
        start: &StartFrom,
        act: impl Fn(&Arc<Topic>, &mut TopicState, Timestamp) -> Result<T>,
    ) -> Result<T> {
        loop {
            let topic = match start {
                // A topic without messages holds none to start from.
                StartFrom::Message(id) => self.topic(name).map_err(|e| match e.kind() {
                    glmsg_core::ErrorKind::NotFound => unknown_message(*id),
                    _ => e,
                })?,
                _ => self.topic_or_new(name)?,
            };
            return match topic.at(self.now()) {
                Ok((mut state, now)) => act(&topic, &mut state, now),
                // It was deleted since, so the next look finds none.
                Err(End::Deleted) => continue,
                Err(end) => Err(topic.error(end)),
            };
        }
    }

    /// Does something with an existing topic.
    pub(crate) fn with_topic<T>(
        &self,
        name: &TopicName,
        act: impl FnOnce(&Arc<Topic>, &mut TopicState, Timestamp) -> Result<T>,
    ) -> Result<T> {
        let topic = self.topic(name)?;
        let (mut state, now) = topic.at(self.now()).map_err(|end| topic.error(end))?;
        act(&topic, &mut state, now)
    }

    /// Does something with an existing group.
    pub(crate) fn with_group<T>(
        &self,
        topic: &TopicName,
        group: &GroupName,
        act: impl FnOnce(&mut Group, &[Lane; LANES], Timestamp) -> T,
    ) -> Result<T> {
        self.with_topic(topic, |topic, state, now| {
            let age = state.config.dead_letter_age;
            let (group, lanes) = topic.group(state, group)?;
            group.dead.drop_older(age, now);
            Ok(act(group, lanes, now))
        })
    }

    pub(crate) fn delete_topic(&self, name: &TopicName) -> Result<()> {
        self.check_open()?;
        let removed = self.write().by_name.remove(name);
        removed.ok_or_else(|| no_topic(name))?.end(End::Deleted);
        Ok(())
    }

    pub(crate) fn close(&self) {
        let topics = {
            let mut topics = self.write();
            topics.is_closed = true;
            std::mem::take(&mut topics.by_name)
        };
        for topic in topics.values() {
            topic.end(End::Closed);
        }
        self.listeners.close();
        self.shelves.close();
    }

    /// The clock was moved by hand.
    pub(crate) fn time_changed(&self) {
        for topic in self.topics().unwrap_or_default() {
            topic.wake();
        }
    }
}
