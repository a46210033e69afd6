//! What is committed of the partitions.

use super::{AHEAD, Assigned, Inbox};

/// A partition, its offset, and what is told beside it.
pub(crate) type Offset = (String, i32, i64, String);

impl Assigned {
    /// Whether whoever has the partition next may rely on what is told: nothing else was handed out,
    /// neither here nor by a process before that did not give it back.
    fn may_seal(&self) -> bool {
        let is_clear = self.window.is_sealed() || self.window.next() >= self.careful_until;
        self.is_given_back && is_clear
    }
}

impl Inbox {
    /// What is to be committed. Nothing is to be committed afterwards unless something changes.
    pub(crate) fn take_commits(&mut self) -> Vec<Offset> {
        let dirty = self.parts.values_mut();
        let dirty = dirty.filter(|part| part.is_dirty && part.window.is_known());
        let each = dirty.map(|part| {
            part.is_dirty = false;
            let told = part.window.metadata(part.may_seal());
            (part.topic.clone(), part.partition, part.window.low(), told)
        });
        each.collect()
    }

    /// Nothing more is handed out of these partitions, or settled in them.
    pub(crate) fn close_off(&mut self, parts: &[u64]) {
        for part in parts {
            if let Some(assigned) = self.parts.get_mut(part) {
                assigned.is_given_back = true;
            }
        }
    }

    /// What is to be committed where these partitions are about to be somebody else's, which
    /// closes them off.
    pub(crate) fn give_back(&mut self, parts: &[u64]) -> Vec<Offset> {
        self.close_off(parts);
        for part in parts {
            if let Some(assigned) = self.parts.get_mut(part) {
                // Committed, though nothing has changed: what is committed is not sealed.
                assigned.is_dirty |= assigned.may_seal() && !assigned.is_sealed;
            }
        }
        self.take_commits()
    }

    /// The last partition that has come. Of later ones a commit that begins now says nothing.
    pub(crate) fn newest(&self) -> u64 {
        self.next_part
    }

    /// A commit has worked. What is committed has no seal any more: what was taken in the meantime may
    /// be handed out, and what comes then need not be told of first.
    pub(crate) fn are_committed(&mut self, offsets: &[Offset], newest: u64) {
        for (topic, partition, low, _) in offsets {
            let part = self.find(topic, *partition);
            let part = part.filter(|part| *part <= newest);
            if let Some(assigned) = part.and_then(|part| self.parts.get_mut(&part)) {
                assigned.is_sealed = false;
                assigned.committed = assigned.committed.max(*low);
            }
        }
    }

    /// A commit failed: it is to be tried again.
    pub(crate) fn commit_again(&mut self, topic: &str, partition: i32) {
        for part in self.parts.values_mut() {
            part.is_dirty |= part.topic == topic && part.partition == partition;
        }
    }

    /// Everything is to be committed again, to see whether it can be.
    pub(crate) fn commit_all_again(&mut self) {
        self.parts
            .values_mut()
            .for_each(|part| part.is_dirty = true);
        self.changes += 1;
    }

    /// Whether much is done that is not committed.
    pub(crate) fn is_ahead(&self) -> bool {
        let mut parts = self.parts.values();
        parts.any(|part| part.is_dirty && part.window.low() - part.committed >= AHEAD)
    }

    pub(crate) fn is_dirty(&self) -> bool {
        let mut parts = self.parts.values();
        parts.any(|part| part.is_dirty && part.window.is_known())
    }
}
