//! A partition: what waits for it, and whose turn it is.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::NOBODY;
use crate::produce::batch::{Batch, Sequence};

/// The longest pause between two looks for a leader.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A partition.
#[derive(Debug)]
pub(in crate::produce) struct Partition {
    /// What waits. Only the last is put into, and only until it is sent.
    pub(in crate::produce) queue: VecDeque<Batch>,
    pub(in crate::produce) leader: i32,
    /// It is among what its broker is to send.
    pub(in crate::produce) is_listed: bool,
    /// A batch of it was sent and is not answered.
    pub(in crate::produce) is_under_way: bool,
    /// When its leader is looked for, and how often that was done in vain.
    pub(in crate::produce) again_at: Option<Instant>,
    troubles: u32,
    /// Since when the cluster does not know it.
    pub(in crate::produce) unknown_since: Option<Instant>,
    /// By which number and epoch its batches go, and how many records went by it.
    identity: Option<(i64, i16)>,
    next: i32,
}

impl Default for Partition {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            leader: NOBODY,
            is_listed: false,
            is_under_way: false,
            again_at: None,
            troubles: 0,
            unknown_since: None,
            identity: None,
            next: 0,
        }
    }
}

impl Partition {
    /// The batch that a record of this size goes into, if there is one. Not one that is given up `soon`:
    /// the record would not have its time.
    pub(super) fn open(&mut self, size: usize, most: usize, soon: Instant) -> Option<&mut Batch> {
        let last = self.queue.back_mut()?;
        (last.is_open() && last.deadline > soon && last.len() + size <= most).then_some(last)
    }

    /// A new batch.
    pub(super) fn begin(&mut self, deadline: Instant) -> &mut Batch {
        self.queue.push_back(Batch::new(deadline));
        let last = self.queue.len() - 1;
        &mut self.queue[last]
    }

    /// Takes the first, with its place in the order of what this producer sends there.
    pub(super) fn take(&mut self, identity: Option<(i64, i16)>) -> Option<Batch> {
        if self.is_under_way {
            return None;
        }
        let mut batch = self.queue.pop_front()?;
        self.is_under_way = true;
        if batch.sequence.is_none()
            && let Some((producer, epoch)) = self.identity.or(identity)
        {
            if self.identity.is_none() {
                (self.identity, self.next) = (Some((producer, epoch)), 0);
            }
            batch.sequence = Some(Sequence {
                producer,
                epoch,
                first: self.next,
            });
            self.next = after(self.next, batch.count());
        }
        Some(batch)
    }

    /// What its broker said of the batch that was under way does not end it: it goes first again.
    pub(in crate::produce) fn put_back(&mut self, batch: Batch) {
        self.queue.push_front(batch);
        self.is_under_way = false;
    }

    /// What was under way is stored.
    pub(in crate::produce) fn has_passed(&mut self) {
        self.is_under_way = false;
        (self.troubles, self.unknown_since) = (0, None);
    }

    /// Begins its sequence anew, in an epoch in which what was sent before is no longer taken. False
    /// if there is no further epoch: the producer needs another number.
    pub(in crate::produce) fn begin_anew(&mut self) -> bool {
        self.next = 0;
        let next = self.identity.and_then(|(producer, epoch)| {
            let epoch = epoch.checked_add(1)?;
            Some((producer, epoch))
        });
        let had = self.identity.is_some();
        self.identity = next;
        next.is_some() || !had
    }

    /// Its leader is not known, or not what it was taken for. It is looked for at once the first time,
    /// and then less and less often.
    pub(in crate::produce) fn lose_leader(&mut self, now: Instant) {
        self.leader = NOBODY;
        let pause = match self.troubles {
            0 => Duration::ZERO,
            n => LONGEST_PAUSE.min(Duration::from_millis(25) * 2_u32.saturating_pow(n.min(8))),
        };
        self.troubles = self.troubles.saturating_add(1);
        self.again_at = Some(now + pause);
    }
}

/// The sequence after so many records. It begins anew after the largest.
fn after(sequence: i32, count: i32) -> i32 {
    let next = (i64::from(sequence) + i64::from(count)) % (1 << 31);
    i32::try_from(next).unwrap_or(0)
}

#[cfg(test)]
mod tests;
