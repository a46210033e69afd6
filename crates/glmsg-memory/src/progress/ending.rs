//! Messages that are finished, that come back from the dead, and that are dropped.

use super::{Progress, Revived};
use crate::delivery::{Delivery, Stage};
use crate::lane::{Lane, Slot};

impl Progress {
    /// A message is acked or dead.
    pub(crate) fn finish(&mut self, lane: &Lane, offset: u64) {
        let Some(delivery) = self.delivery_mut(offset) else {
            return;
        };
        let stage = std::mem::replace(&mut delivery.stage, Stage::Finished);
        delivery.extra = None;
        self.uncount(stage);
        if self.keys.is_some() && stage != Stage::Finished {
            self.pass_turn(lane, offset);
        }
        if offset < self.tail {
            self.revived.remove(&offset);
        }
    }

    fn uncount(&mut self, stage: Stage) {
        match stage {
            Stage::Leased => self.leased -= 1,
            Stage::Waiting => self.waiting -= 1,
            Stage::New | Stage::Finished => {}
        }
    }

    fn pass_turn(&mut self, lane: &Lane, offset: u64) {
        let Some(message) = self.message(lane, offset).cloned() else {
            return;
        };
        let Some(keys) = &mut self.keys else { return };
        let Some(next) = keys.finish(&message, offset) else {
            return;
        };
        let found = self.delivery(next).map(|d| (d.stage, d.time));
        match (found, &mut self.keys) {
            (Some((Stage::New, _)), Some(keys)) => keys.open(next),
            (Some((Stage::Leased | Stage::Waiting, time)), _) => {
                self.timers.push(time, next, next + 1);
            }
            _ => {}
        }
    }

    /// A dead letter comes back.
    pub(crate) fn redrive(&mut self, offset: u64, slot: Slot, delivery: Delivery) {
        if let Some(keys) = &mut self.keys {
            keys.see_again(&slot.message, offset);
        }
        self.timers.push(delivery.time, offset, offset + 1);
        self.waiting += 1;
        match self.index(offset).and_then(|i| self.deliveries.get_mut(i)) {
            Some(place) => *place = delivery,
            None => {
                self.revived.insert(offset, Revived { delivery, slot });
            }
        }
    }

    /// The lane is about to drop its front, whatever it is to this group.
    pub(crate) fn drop_front(&mut self, lane: &Lane) {
        let front = lane.base();
        self.finish(lane, front);
        if self.tail == front {
            self.deliveries.pop_front();
            self.tail += 1;
            self.tidy();
        }
    }

    /// The offset before which the topic may drop messages as far as this group goes.
    pub(crate) fn finished_until(&self, lane: &Lane) -> u64 {
        let revived = self.revived.range(lane.base()..).next();
        revived.map_or(self.tail, |(offset, _)| self.tail.min(*offset))
    }

    /// Lets go of what is finished.
    pub(crate) fn tidy(&mut self) {
        while matches!(self.deliveries.front(), Some(d) if d.stage == Stage::Finished) {
            self.deliveries.pop_front();
            self.tail += 1;
        }
        if self.revived.is_empty() {
            self.timers.forget_before(self.tail);
        }
        // Entries that no longer say the truth are gone through when their time has come; should
        // they be many, now.
        let held = usize::try_from(self.leased + self.waiting).unwrap_or(usize::MAX);
        if self.timers.len() / 4 > 256 + held + self.deliveries.len() / 4 {
            self.timers.clear();
            let held: Vec<_> = self.held().map(|(offset, d)| (d.time, offset)).collect();
            for (time, offset) in held {
                self.timers.push(time, offset, offset + 1);
            }
        }
    }
}
