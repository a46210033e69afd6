//! Counting what a group has before it.

use glmsg_core::Timestamp;

use super::Progress;
use crate::delivery::{Delivery, Stage};
use crate::lane::Lane;

impl Progress {
    /// Messages leased or waiting.
    pub(super) fn held(&self) -> impl Iterator<Item = (u64, &Delivery)> {
        let revived = self
            .revived
            .iter()
            .map(|(offset, r)| (*offset, &r.delivery));
        let others = (self.tail..).zip(&self.deliveries);
        revived.chain(others).filter(|(_, d)| d.is_returnable())
    }

    /// How many messages a member holds.
    pub(crate) fn held_by(&self, member: u32) -> u64 {
        let held = self
            .held()
            .filter(|(_, d)| d.stage == Stage::Leased && d.member == member);
        held.count() as u64
    }

    /// How many messages are new, and how many of them wait for their key's turn.
    pub(crate) fn count_new(&mut self, lane: &Lane) -> (u64, u64) {
        while self.look_at_next(lane) {}
        let Some(keys) = &self.keys else {
            return (lane.end() - self.next(), 0);
        };
        let new = self.deliveries.iter().filter(|d| d.stage == Stage::New);
        let new = new.count() as u64;
        let ready = keys
            .all_open()
            .filter(|offset| self.has_turn(lane, *offset));
        (new, new - ready.count() as u64)
    }

    /// When the oldest message that is not finished was stored.
    pub(crate) fn oldest(&self, lane: &Lane) -> Option<Timestamp> {
        let revived = self.revived.values().next().map(|r| r.slot.stored_at);
        revived.or_else(|| lane.get(self.tail).map(|slot| slot.stored_at))
    }
}
