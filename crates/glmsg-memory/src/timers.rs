//! When messages of a lane come back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use glmsg_core::Timestamp;

/// Times at which deliveries run out or are due. An entry is a hint: whoever takes one looks
/// whether the message still stands as the entry says. So a change of mind costs nothing but a new
/// entry, and the leases of a batch cost one together.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Time, first offset, offset behind the last.
    later: BinaryHeap<Reverse<(Timestamp, u64, u64)>>,
    /// What is due: in the order of delivery.
    ready: BinaryHeap<Reverse<(Timestamp, u64)>>,
}

impl Timers {
    /// Messages from `first` to before `end` come back at `time`.
    pub(crate) fn push(&mut self, time: Timestamp, first: u64, end: u64) {
        self.later.push(Reverse((time, first, end)));
    }

    /// The next time at which something may come back.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let next = self.later.peek().map(|Reverse((time, ..))| *time);
        self.ready.peek().map(|Reverse((time, _))| *time).or(next)
    }

    /// Takes out the range of the earliest entry, if its time has come.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, u64, u64)> {
        match self.later.peek() {
            Some(Reverse((time, ..))) if *time <= now => self.later.pop().map(|Reverse(e)| e),
            _ => None,
        }
    }

    /// Drops the earliest entries that end at or before `tail`.
    pub(crate) fn forget_before(&mut self, tail: u64) {
        while matches!(self.later.peek(), Some(Reverse((_, _, end))) if *end <= tail) {
            self.later.pop();
        }
    }

    pub(crate) fn push_ready(&mut self, time: Timestamp, offset: u64) {
        self.ready.push(Reverse((time, offset)));
    }

    pub(crate) fn peek_ready(&self) -> Option<(Timestamp, u64)> {
        self.ready.peek().map(|Reverse(entry)| *entry)
    }

    pub(crate) fn pop_ready(&mut self) {
        self.ready.pop();
    }

    pub(crate) fn len(&self) -> usize {
        self.later.len() + self.ready.len()
    }

    pub(crate) fn clear(&mut self) {
        self.later.clear();
        self.ready.clear();
    }
}
