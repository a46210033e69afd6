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
            // Errors are made when the lock is not held: a publisher that hammers a full topic
            // must not keep its consumers out.
            let mut refused = Vec::new();
            for (at, message) in (outcomes.len()..).zip(run) {
                let got = message.payload().len();
                let outcome = if got > limit {
                    Err(Refused::TooLarge(got))
                } else {
                    state.store(message, now, &mut acked)
                };
                outcomes.push(outcome.unwrap_or_else(|why| {
                    refused.push((at, why));
                    Published::Duplicate
                }));
            }
            for group in state.groups.values() {
                group.waiting.wake();
            }
            let dropped = std::mem::take(&mut state.dropped);
            drop(state);
            drop(dropped);
            for (at, why) in refused {
                outcomes[at] = match why {
                    Refused::TooLarge(got) => Published::Rejected(
                        payload_too_large(name, got, limit).operation("publish"),
                    ),
                    Refused::Full(held) => Published::Full(full(name, held)),
                };
            }
            return Ok(());
        }
    }
}

/// Why a message is not stored.
enum Refused {
    TooLarge(usize),
    Full(u64),
}

impl TopicState {
    fn store(
        &mut self,
        message: &Message,
        now: Timestamp,
        acked: &mut Option<Acked>,
    ) -> Result<Published, Refused> {
        let id = message.id();
        if self.ids.contains(id) {
            return Ok(Published::Duplicate);
        }
        if self.len() >= self.config.max_len && !self.make_room(acked) {
            return Err(Refused::Full(self.len()));
        }
        if let Some(due) = message.schedule().due(now) {
            self.ids.insert_scheduled(id);
            self.scheduled.push(due, message.clone());
        } else {
            let kept = self.ids.insert(usize::from(message.priority().as_u8()), id);
            self.append(message.clone(), kept, now, message.expires_at(now));
        }
        Ok(Published::Stored)
    }
}
