//! Telling of deliveries before they are made, on the member's thread.

use std::collections::BTreeSet;

use glmsg_core::{Error, ErrorKind, Result, RetryClass};
use rdkafka::{Offset, TopicPartitionList};

use super::outlet::Failed;
use super::state::{Desk, Part, State};
use super::worker::Worker;
use crate::broker::closed;
use crate::error::from_kafka;

/// How far the group is in a partition, and what is told beside it.
pub(super) type Mark = (Part, i64, String);

impl Worker {
    /// Has it told how often the next messages were delivered, where that is to be told. It is a
    /// transaction of its own, before anything was sent in the one that is open: so the cluster takes
    /// it of no member that it has shut out.
    pub(super) fn tell(&mut self, max: usize, is_solo: bool) -> Result<()> {
        self.learn()?;
        let marks = {
            let mut state = self.desk.state();
            state.check()?;
            if state.open.as_ref().is_none_or(|open| open.has_sent) {
                return Ok(());
            }
            let places = state.plan(max, is_solo);
            for (part, offset) in &places {
                if let Some(standing) = state.parts.get_mut(part) {
                    standing.tell(*offset);
                }
            }
            let parts: BTreeSet<Part> = places.iter().map(|(part, _)| *part).collect();
            if parts.is_empty() {
                return Ok(());
            }
            (places, state.marks(parts))
        };
        let (places, marks) = marks;
        let Err(failed) = self.commit_marks(&marks, ["tell", "tell-commit", "told"]) else {
            return Ok(());
        };
        let error = match failed {
            Failed::Refused(error) => {
                let mut state = self.desk.state();
                for (part, offset) in places {
                    if let Some(standing) = state.parts.get_mut(&part) {
                        standing.untell(offset);
                    }
                }
                error
            }
            Failed::Lost(error) => {
                let text = "it could not be told that messages are delivered";
                let told = Error::new(ErrorKind::Unavailable, text).source(error);
                self.discard(told.retry(RetryClass::Transient))
            }
            Failed::Fenced(error) => self.fenced(error, false),
        };
        self.doom(error.duplicate());
        Err(error)
    }

    /// Commits what is told, and begins anew.
    fn commit_marks(&mut self, marks: &[Mark], steps: [&'static str; 3]) -> Result<(), Failed> {
        let [first, second, last] = steps;
        let step = |what: &'static str| match what {
            "commit" => self.options.step(second),
            _ => self.options.step(first),
        };
        let offsets = list(&self.desk, marks).map_err(Failed::Refused)?;
        let (Some(outlet), Some(intake)) = (&self.outlet, &mut self.intake) else {
            return Err(Failed::Refused(closed()));
        };
        let member = intake.member(self.desk.link.config().group_protocol);
        outlet.commit(&offsets, member, step)?;
        self.options.step(last);
        outlet.begin()
    }

    /// Asks the cluster how far the group is in partitions where that is not known.
    fn learn(&mut self) -> Result<()> {
        let firsts = self.desk.state().unknown();
        let Some(intake) = self.intake.as_ref().filter(|_| !firsts.is_empty()) else {
            return Ok(());
        };
        let found = intake.committed(&self.desk, firsts.keys().copied())?;
        let mut state = self.desk.state();
        for (part, first) in firsts {
            let standing = state.parts.entry(part).or_default();
            standing.learn(found.get(&part), first);
        }
        Ok(())
    }

    /// At an end in order nothing counts as delivered that was not done and has not failed.
    pub(super) fn take_back(&mut self) {
        let marks = {
            let mut state = self.desk.state();
            let each = state.parts.iter_mut().filter(|(_, it)| it.is_known());
            let changed = each.filter_map(|(part, it)| it.take_back().then_some(*part));
            let changed: BTreeSet<Part> = changed.collect();
            state.marks(changed)
        };
        let Some(outlet) = self.outlet.as_ref().filter(|_| !marks.is_empty()) else {
            return;
        };
        let done = outlet.begin();
        let done = done.and_then(|()| self.commit_marks(&marks, ["take-back"; 3]));
        if let Err(error) = done {
            tracing::debug!(?error, "what was not done counts as delivered once");
        }
    }
}

impl State {
    /// What is to be told beside the offsets of partitions.
    fn marks(&self, parts: impl IntoIterator<Item = Part>) -> Vec<Mark> {
        let each = parts.into_iter().filter_map(|part| {
            let standing = self.parts.get(&part)?;
            let low = standing.low();
            Some((part, low, standing.metadata(low)))
        });
        each.collect()
    }
}

/// As the client takes it.
pub(super) fn list(desk: &Desk, marks: &[Mark]) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(marks.len());
    for ((topic, partition), offset, metadata) in marks {
        let mut element = list.add_partition(&desk.topics[*topic], *partition);
        let set = element.set_offset(Offset::Offset(*offset));
        set.map_err(|e| from_kafka(&e, false))?;
        element.set_metadata(metadata);
    }
    Ok(list)
}
