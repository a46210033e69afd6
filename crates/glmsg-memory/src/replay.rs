//! Reading without a group, and where to begin.

use glmsg_broker::{GroupConfig, Position, ReplayQuery, StartFrom, Stored};
use glmsg_core::{Error, ErrorKind, MessageId, Result, Timestamp};

use crate::MemoryBroker;
use crate::error::not_ours;
use crate::group::{Group, LANES};
use crate::lane::Slot;
use crate::topic::TopicState;

pub(crate) fn unknown_message(id: MessageId) -> Error {
    Error::new(ErrorKind::NotFound, "the topic does not hold this message").with("id", id)
}

impl TopicState {
    /// The ordinal of the first message from `start` on.
    fn start(&self, start: &StartFrom) -> Result<u64> {
        match start {
            StartFrom::Earliest => Ok(1),
            StartFrom::Latest => Ok(self.next_ordinal),
            StartFrom::Time(time) => Ok(self.first_since(*time)),
            StartFrom::Message(id) => self.find(*id).ok_or_else(|| unknown_message(*id)),
            StartFrom::After(position) => {
                let ordinal: u64 = position
                    .as_str()
                    .parse()
                    .map_err(|_| not_ours("position", position.as_str()))?;
                Ok(ordinal.saturating_add(1).min(self.next_ordinal))
            }
        }
    }

    fn find(&self, id: MessageId) -> Option<u64> {
        if !self.ids.contains(id) {
            return None;
        }
        let mut slots = self.lanes.iter().flat_map(|lane| lane.from(0));
        let found = slots.find(|slot| slot.message.id() == id);
        found.map(|slot| slot.ordinal)
    }

    fn first_since(&self, time: Timestamp) -> u64 {
        let firsts = self.lanes.iter().filter_map(|lane| {
            let offset = lane.first_not(|slot| slot.stored_at < time);
            lane.get(offset).map(|slot| slot.ordinal)
        });
        firsts.min().unwrap_or(self.next_ordinal)
    }

    /// A group that begins where `config` says.
    pub(crate) fn new_group(&self, id: u64, config: &GroupConfig, now: Timestamp) -> Result<Group> {
        let start = self.start(&config.start)?;
        Ok(Group::new(id, config.ordering, start, &self.lanes, now))
    }
}

impl MemoryBroker {
    pub(crate) fn read(&self, query: &ReplayQuery) -> Result<Vec<Stored>> {
        let page = self.shared.with_topic(&query.topic, |_, state, _| {
            let start = state.start(&query.from)?;
            let mut lanes: [_; LANES] = std::array::from_fn(|n| {
                let lane = &state.lanes[n];
                let first = lane.first_not(|slot| slot.ordinal < start);
                lane.from(first).peekable()
            });
            let next = || {
                let fronts = lanes.iter_mut().enumerate();
                let first = fronts
                    .filter_map(|(n, slots)| slots.peek().map(|slot| (slot.ordinal, n)))
                    .min();
                first.and_then(|(_, n)| lanes[n].next())
            };
            Ok(std::iter::from_fn(next)
                .take(query.limit)
                .map(stored)
                .collect())
        });
        page.map_err(|e| e.operation("replay"))
    }
}

fn stored(slot: &Slot) -> Stored {
    Stored {
        position: Position::new(slot.ordinal.to_string()),
        stored_at: slot.stored_at,
        message: Ok(slot.message.clone()),
    }
}
