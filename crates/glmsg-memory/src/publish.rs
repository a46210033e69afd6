//! Storing messages.

use glmsg_broker::Published;
use glmsg_core::{Message, Result, Timestamp, TopicName};

use crate::MemoryBroker;
use crate::error::{full, payload_too_large};
use crate::retention::Acked;
use crate::topic::{End, TopicState};

impl MemoryBroker {
    /// Stores messages: one lock for each run of messages of one topic.
    pub(crate) fn store(&self, messages: &[Message]) -> Result<Vec<Published>> {
        let mut outcomes = Vec::with_capacity(messages.len());
        if messages.is_empty() {
            self.shared.check_open()?;
        }
        for run in messages.chunk_by(|a, b| a.topic() == b.topic()) {
            let stored = self.store_run(run[0].topic(), run, &mut outcomes);
            if let Err(error) = stored {
                // What is stored already stays stored, so the call as a whole did not fail.
                if outcomes.is_empty() {
                    return Err(error.operation("publish"));
                }
                let rest = messages.len() - outcomes.len();
                let rejected = || Published::Rejected(error.duplicate());
                outcomes.extend(std::iter::repeat_with(rejected).take(rest));
                break;
            }
        }
        Ok(outcomes)
    }

    fn store_run(
        &self,
        name: &TopicName,
        run: &[Message],
        outcomes: &mut Vec<Published>,
    ) -> Result<()> {
        let now = self.shared.now();
        loop {
            let topic = self.shared.topic_or_new(name)?;
            let (mut state, now) = match topic.at(now) {
                Ok(found) => found,
                Err(End::Deleted) => continue,
                Err(end) => return Err(topic.error(end)),
            };
            let limit = self.shared.config.max_payload;
            let mut acked = None;
            for message in run {
                let got = message.payload().len();
                outcomes.push(if got > limit {
                    Published::Rejected(payload_too_large(name, got, limit))
                } else {
                    state.store(message, now, &mut acked)
                });
            }
            for group in state.groups.values() {
                group.notify.notify_one();
            }
            let dropped = std::mem::take(&mut state.dropped);
            drop(state);
            drop(dropped);
            return Ok(());
        }
    }
}

impl TopicState {
    fn store(&mut self, message: &Message, now: Timestamp, acked: &mut Option<Acked>) -> Published {
        if self.len() < self.config.max_len {
            if !self.ids.insert(message.id()) {
                return Published::Duplicate;
            }
        } else {
            if self.ids.contains(message.id()) {
                return Published::Duplicate;
            }
            if !self.make_room(acked) {
                return Published::Full(full(message.topic(), self.len()));
            }
            self.ids.insert(message.id());
        }
        match message.schedule().due(now) {
            Some(due) => self.scheduled.push(due, message.clone()),
            None => self.append(message.clone(), now, message.expires_at(now)),
        }
        Published::Stored
    }
}
