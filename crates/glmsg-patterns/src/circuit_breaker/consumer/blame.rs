//! Whether a failure is the message's or the dependency's.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use glmsg_core::MessageId;

/// How many messages are remembered; more are in nobody's hands at a time.
const MOST: usize = 10_000;

/// Remembers how many calls had succeeded when a message failed. If it fails again and that number
/// is greater by then, the dependency is there, and it is the message that fails.
#[derive(Default)]
pub(super) struct Blame(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    failed: HashMap<MessageId, u64>,
    order: VecDeque<MessageId>,
}

impl Blame {
    /// Notes that the message has failed now, after so many successes of others.
    pub(super) fn is_the_message(&self, id: MessageId, successes: u64) -> bool {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = memory.failed.insert(id, successes) {
            return successes > before;
        }
        memory.order.push_back(id);
        if memory.order.len() > MOST
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.failed.remove(&oldest);
        }
        false
    }

    pub(super) fn clear(&self, id: MessageId) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.failed.remove(&id).is_some() {
            memory.order.retain(|other| *other != id);
        }
    }
}
