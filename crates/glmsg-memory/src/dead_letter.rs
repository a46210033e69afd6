//! Dead letters: kept for each group, listed, redriven, purged.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::time::Duration;

use glmsg_broker::{DeadLetterQuery, DeadLetterSelector, Page, PageToken};
use glmsg_core::{
    DeadLetter, DeadLetterReason, GroupName, History, MessageId, Original, Result, Timestamp,
    TopicName,
};

use crate::MemoryBroker;
use crate::delivery::Delivery;
use crate::error::not_ours;
use crate::group::Group;
use crate::lane::Slot;

/// A dead letter and where its message stood.
#[derive(Debug)]
pub(crate) struct Dead {
    pub(crate) lane: usize,
    pub(crate) offset: u64,
    pub(crate) slot: Slot,
    pub(crate) reason: DeadLetterReason,
    pub(crate) attempts: u32,
    pub(crate) history: History,
    pub(crate) at: Timestamp,
}

impl Dead {
    fn letter(&self, topic: &TopicName, group: &GroupName) -> DeadLetter {
        let last = self.history.last();
        DeadLetter {
            id: self.slot.message.id(),
            topic: topic.clone(),
            group: group.clone(),
            original: Original::Message(self.slot.message.clone()),
            reason: self.reason,
            detail: last.map(|a| a.error.clone()).unwrap_or_default(),
            attempts: self.attempts,
            history: self.history.clone(),
            dead_at: self.at,
        }
    }
}

/// The dead letters of a group, in the order of dying.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters {
    last: u64,
    letters: BTreeMap<u64, Dead>,
}

impl DeadLetters {
    pub(crate) fn push(&mut self, dead: Dead) {
        self.last += 1;
        self.letters.insert(self.last, dead);
    }

    pub(crate) fn len(&self) -> u64 {
        self.letters.len() as u64
    }

    /// Drops those older than `age`.
    pub(crate) fn drop_older(&mut self, age: Duration, now: Timestamp) {
        while let Some(first) = self.letters.first_entry() {
            if now.since(first.get().at) <= age {
                break;
            }
            first.remove();
        }
    }

    fn numbers(&self, which: &DeadLetterSelector) -> Vec<u64> {
        let matcher = Matcher::new(which);
        let found = self.letters.iter().filter(|(_, dead)| matcher.means(dead));
        found.map(|(number, _)| *number).collect()
    }
}

/// A selector made fit for many questions.
enum Matcher {
    All,
    Ids(HashSet<MessageId>),
    Reason(DeadLetterReason),
}

impl Matcher {
    fn new(which: &DeadLetterSelector) -> Self {
        match which {
            DeadLetterSelector::All => Self::All,
            DeadLetterSelector::Ids(ids) => Self::Ids(ids.iter().copied().collect()),
            DeadLetterSelector::Reason(reason) => Self::Reason(*reason),
        }
    }

    fn means(&self, dead: &Dead) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => ids.contains(&dead.slot.message.id()),
            Self::Reason(reason) => dead.reason == *reason,
        }
    }
}

impl Group {
    fn redrive(&mut self, which: &DeadLetterSelector, now: Timestamp) -> u64 {
        let mut redriven = 0;
        for number in self.dead.numbers(which) {
            let Some(dead) = self.dead.letters.remove(&number) else {
                continue;
            };
            let ttl = dead.slot.message.ttl();
            let delivery = Delivery::redriven(now, ttl.map(|ttl| now.after(ttl)));
            self.progress[dead.lane].redrive(dead.offset, dead.slot, delivery);
            redriven += 1;
        }
        redriven
    }
}

impl MemoryBroker {
    pub(crate) fn list_dead(&self, query: &DeadLetterQuery) -> Result<Page<DeadLetter>> {
        let after = match &query.after {
            Some(page) => page
                .0
                .parse()
                .map_err(|_| not_ours("page token", &page.0).operation("dead letters"))?,
            None => 0,
        };
        let matcher = Matcher::new(&query.selector);
        self.shared
            .with_group(&query.topic, &query.group, |group, _, _| {
                let letters = &group.dead.letters;
                let mut found = letters
                    .range((Bound::Excluded(after), Bound::Unbounded))
                    .filter(|(_, dead)| matcher.means(dead));
                let mut last = after;
                let mut items = Vec::new();
                for (number, dead) in found.by_ref().take(query.limit) {
                    items.push(dead.letter(&query.topic, &query.group));
                    last = *number;
                }
                let next = found.next().map(|_| PageToken(last.to_string()));
                Page { items, next }
            })
    }

    pub(crate) fn redrive_dead(
        &self,
        topic: &TopicName,
        name: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.shared.with_group(topic, name, |group, _, now| {
            let redriven = group.redrive(which, now);
            group.waiting.wake();
            redriven
        })
    }

    pub(crate) fn purge_dead(
        &self,
        topic: &TopicName,
        name: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.shared.with_group(topic, name, |group, _, _| {
            let numbers = group.dead.numbers(which);
            for number in &numbers {
                group.dead.letters.remove(number);
            }
            numbers.len() as u64
        })
    }
}
