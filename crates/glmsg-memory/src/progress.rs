//! How far a group is with one lane.

mod census;
mod ending;

use std::collections::{BTreeMap, VecDeque};

use glmsg_core::{Message, Timestamp};

use crate::delivery::Delivery;
use crate::key_order::KeyOrder;
use crate::lane::{Lane, Slot};
use crate::timers::Timers;

/// How far a group is with one lane.
///
/// Everything before `tail` is finished, except what came back from the dead letters since, which
/// is in `revived`. From `tail` there is a [`Delivery`] for each message the group has looked at;
/// what comes after is new.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    tail: u64,
    deliveries: VecDeque<Delivery>,
    revived: BTreeMap<u64, Revived>,
    timers: Timers,
    /// Offsets leased by the running receive, contiguous: one timer for all.
    leasing: Option<(u64, u64)>,
    keys: Option<KeyOrder>,
    pub(crate) leased: u64,
    pub(crate) waiting: u64,
}

/// A message redriven after its group had passed it. It has its own reference, as the topic may
/// have dropped it meanwhile.
#[derive(Debug)]
struct Revived {
    delivery: Delivery,
    slot: Slot,
}

/// A message that could be delivered now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) offset: u64,
    is_returned: bool,
}

impl Progress {
    /// A beginning at `start`.
    pub(crate) fn new(start: u64, is_per_key: bool) -> Self {
        Self {
            tail: start,
            keys: is_per_key.then(KeyOrder::default),
            ..Self::default()
        }
    }

    /// The offset of the first message not looked at.
    fn next(&self) -> u64 {
        self.tail + self.deliveries.len() as u64
    }

    fn index(&self, offset: u64) -> Option<usize> {
        usize::try_from(offset.checked_sub(self.tail)?).ok()
    }

    /// What the group knows of a message that it has looked at.
    pub(crate) fn delivery_mut(&mut self, offset: u64) -> Option<&mut Delivery> {
        match self.index(offset) {
            Some(index) => self.deliveries.get_mut(index),
            None => self.revived.get_mut(&offset).map(|r| &mut r.delivery),
        }
    }

    fn delivery(&self, offset: u64) -> Option<&Delivery> {
        match self.index(offset) {
            Some(index) => self.deliveries.get(index),
            None => self.revived.get(&offset).map(|r| &r.delivery),
        }
    }

    /// The same, with the message.
    pub(crate) fn entry<'a>(
        &'a mut self,
        lane: &'a Lane,
        offset: u64,
    ) -> Option<(&'a mut Delivery, &'a Slot)> {
        match self.index(offset) {
            Some(index) => Some((self.deliveries.get_mut(index)?, lane.get(offset)?)),
            None => {
                let revived = self.revived.get_mut(&offset)?;
                Some((&mut revived.delivery, &revived.slot))
            }
        }
    }

    fn message<'a>(&'a self, lane: &'a Lane, offset: u64) -> Option<&'a Message> {
        match self.index(offset) {
            Some(_) => lane.get(offset).map(|slot| &slot.message),
            None => self.revived.get(&offset).map(|r| &r.slot.message),
        }
    }

    fn has_turn(&self, lane: &Lane, offset: u64) -> bool {
        match (&self.keys, self.message(lane, offset)) {
            (Some(keys), Some(message)) => keys.has_turn(message, offset),
            _ => true,
        }
    }

    /// The message of this lane to be delivered next, if there is one.
    pub(crate) fn candidate(&mut self, lane: &Lane, now: Timestamp) -> Option<Candidate> {
        while let Some((time, first, end)) = self.timers.pop_due(now) {
            for offset in first..end {
                if self.comes_back(offset, time) {
                    self.timers.push_ready(time, offset);
                }
            }
        }
        while let Some((time, offset)) = self.timers.peek_ready() {
            // One that has not its turn is entered again when it has.
            if self.comes_back(offset, time) && self.has_turn(lane, offset) {
                return Some(Candidate {
                    offset,
                    is_returned: true,
                });
            }
            self.timers.pop_ready();
        }
        let offset = self.first_new(lane)?;
        Some(Candidate {
            offset,
            is_returned: false,
        })
    }

    fn comes_back(&self, offset: u64, time: Timestamp) -> bool {
        let delivery = self.delivery(offset);
        delivery.is_some_and(|d| d.time == time && d.is_returnable())
    }

    fn first_new(&mut self, lane: &Lane) -> Option<u64> {
        if self.keys.is_none() {
            let next = self.next();
            return (next < lane.end()).then_some(next);
        }
        loop {
            while let Some(offset) = self.keys.as_ref()?.first_open() {
                if self.has_turn(lane, offset) {
                    return Some(offset);
                }
                self.keys.as_mut()?.close(offset);
            }
            if !self.look_at_next(lane) {
                return None;
            }
        }
    }

    /// With order by key: takes note of the next new message.
    fn look_at_next(&mut self, lane: &Lane) -> bool {
        let next = self.next();
        let (Some(slot), Some(keys)) = (lane.get(next), &mut self.keys) else {
            return false;
        };
        keys.see(&slot.message, next);
        self.deliveries.push_back(Delivery::NEW);
        true
    }

    /// Takes what [`candidate`](Self::candidate) found off the lists of what is deliverable.
    pub(crate) fn take(&mut self, candidate: Candidate) {
        if candidate.is_returned {
            self.timers.pop_ready();
        } else if let Some(keys) = &mut self.keys {
            keys.close(candidate.offset);
        } else {
            self.deliveries.push_back(Delivery::NEW);
        }
    }

    /// Takes note of a lease of the running receive.
    pub(crate) fn leased(&mut self, offset: u64, deadline: Timestamp) {
        self.leasing = match self.leasing {
            Some((first, end)) if end == offset => Some((first, offset + 1)),
            Some((first, end)) => {
                self.timers.push(deadline, first, end);
                Some((offset, offset + 1))
            }
            None => Some((offset, offset + 1)),
        };
    }

    /// Ends a receive.
    pub(crate) fn end_receive(&mut self, deadline: Timestamp) {
        if let Some((first, end)) = self.leasing.take() {
            self.timers.push(deadline, first, end);
        }
        self.tidy();
    }

    /// A message comes back at `time`; `true` if nothing else does so sooner.
    pub(crate) fn come_back(&mut self, offset: u64, time: Timestamp) -> bool {
        let is_first = self.timers.next().is_none_or(|next| time < next);
        self.timers.push(time, offset, offset + 1);
        is_first
    }

    /// When something may come back next.
    pub(crate) fn next_time(&self) -> Option<Timestamp> {
        self.timers.next()
    }
}
