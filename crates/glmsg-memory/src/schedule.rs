//! Messages that are not due yet.

use std::collections::BTreeMap;

use glmsg_core::{Message, Timestamp};

/// Scheduled messages, by due time and then by when they were published.
#[derive(Debug, Default)]
pub(crate) struct Scheduled {
    published: u64,
    messages: BTreeMap<(Timestamp, u64), Message>,
}

impl Scheduled {
    pub(crate) fn push(&mut self, due: Timestamp, message: Message) {
        self.messages.insert((due, self.published), message);
        self.published += 1;
    }

    /// When the first is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.messages.first_key_value().map(|((due, _), _)| *due)
    }

    /// Takes out the first, with its due time, if it is due.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, Message)> {
        if self.next()? > now {
            return None;
        }
        let ((due, _), message) = self.messages.pop_first()?;
        Some((due, message))
    }

    pub(crate) fn len(&self) -> u64 {
        self.messages.len() as u64
    }
}
