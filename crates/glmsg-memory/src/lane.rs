//! The messages of one priority, in stored order.

use std::collections::VecDeque;

use glmsg_core::{Message, Timestamp};

use crate::id_set::Kept;

/// A message in its place.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) message: Message,
    /// Its place in the stored order of the whole topic, from 1.
    pub(crate) ordinal: u64,
    pub(crate) stored_at: Timestamp,
    /// [`Timestamp::MAX`] for never.
    pub(crate) expires_at: Timestamp,
    /// Where the topic keeps the id.
    pub(crate) kept: Kept,
}

/// A queue whose places are called by offsets that never change: the front has the offset `base`.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    base: u64,
    slots: VecDeque<Slot>,
}

impl Lane {
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// The offset of the next message to be stored.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.slots.len() as u64
    }

    pub(crate) fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    pub(crate) fn get(&self, offset: u64) -> Option<&Slot> {
        let index = usize::try_from(offset.checked_sub(self.base)?).ok()?;
        self.slots.get(index)
    }

    pub(crate) fn front(&self) -> Option<&Slot> {
        self.slots.front()
    }

    pub(crate) fn push(&mut self, slot: Slot) {
        self.slots.push_back(slot);
    }

    pub(crate) fn pop(&mut self) -> Option<Slot> {
        let slot = self.slots.pop_front()?;
        self.base += 1;
        Some(slot)
    }

    /// The first offset whose slot `is_before` is false for; `is_before` holds for a prefix.
    pub(crate) fn first_not(&self, is_before: impl Fn(&Slot) -> bool) -> u64 {
        self.base + self.slots.partition_point(is_before) as u64
    }

    /// The slots from `offset` on.
    pub(crate) fn from(&self, offset: u64) -> impl Iterator<Item = &Slot> {
        let skipped = usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.slots.range(skipped.min(self.slots.len())..)
    }
}
