//! What a topic may drop.

use glmsg_broker::Overflow;
use glmsg_core::Timestamp;

use crate::group::LANES;
use crate::lane::Lane;
use crate::topic::TopicState;

/// For each lane, the offset before which every group has finished.
pub(crate) type Acked = [u64; LANES];

impl TopicState {
    /// What every group has finished; nothing, where there is no group.
    pub(crate) fn acked(&self) -> Acked {
        std::array::from_fn(|n| {
            let lane = &self.lanes[n];
            let groups = self.groups.values();
            let until = groups.map(|g| g.progress[n].finished_until(lane)).min();
            until.unwrap_or(lane.base())
        })
    }

    /// Drops acked messages older than the topic keeps them, from the front of each lane.
    pub(crate) fn drop_aged(&mut self, now: Timestamp) {
        let age = self.config.max_age;
        let is_aged = |lane: &Lane| {
            let front = lane.front();
            front.is_some_and(|slot| now.since(slot.stored_at) > age)
        };
        if !self.lanes.iter().any(is_aged) {
            return;
        }
        let acked = self.acked();
        for (n, until) in acked.into_iter().enumerate() {
            while is_aged(&self.lanes[n]) && self.lanes[n].base() < until {
                self.pop(n);
            }
        }
    }

    /// Drops messages until one more fits; `false` if it does not.
    pub(crate) fn make_room(&mut self, acked: &mut Option<Acked>) -> bool {
        while self.len() >= self.config.max_len {
            let until = *acked.get_or_insert_with(|| self.acked());
            let oldest = self.oldest(|n, lane| lane.base() < until[n]);
            if let Some(n) = oldest {
                self.pop(n);
            } else if self.config.overflow == Overflow::DropOldest {
                let Some(n) = self.oldest(|_, _| true) else {
                    // All of them are scheduled.
                    return false;
                };
                for group in self.groups.values_mut() {
                    group.progress[n].drop_front(&self.lanes[n]);
                }
                self.pop(n);
                // What stood behind it may be acked.
                *acked = None;
            } else {
                return false;
            }
        }
        true
    }

    /// The lane whose front was stored first, of those that `may` lose it.
    fn oldest(&self, may: impl Fn(usize, &Lane) -> bool) -> Option<usize> {
        let lanes = self.lanes.iter().enumerate();
        let fronts = lanes.filter(|(n, lane)| may(*n, lane));
        fronts
            .filter_map(|(n, lane)| lane.front().map(|slot| (slot.ordinal, n)))
            .min()
            .map(|(_, n)| n)
    }

    fn pop(&mut self, n: usize) {
        if let Some(slot) = self.lanes[n].pop() {
            self.ids.remove_front(n, slot.kept, || slot.message.id());
            self.dropped.push(slot.message);
        }
    }
}
