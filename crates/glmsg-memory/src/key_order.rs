//! Which message of a key has its turn.

use std::collections::{BTreeSet, HashMap, VecDeque};

use glmsg_core::Message;

/// The unfinished messages of a lane by key, for a group with `Ordering::PerKey`.
#[derive(Debug, Default)]
pub(crate) struct KeyOrder {
    /// Unfinished messages of each key that the group has looked at, in stored order.
    queues: HashMap<Box<str>, VecDeque<u64>>,
    /// New messages that have, or had, their turn.
    open: BTreeSet<u64>,
}

impl KeyOrder {
    /// Takes note of the next new message.
    pub(crate) fn see(&mut self, message: &Message, offset: u64) {
        let first = match message.key() {
            Some(key) => self.enqueue(key, offset),
            None => true,
        };
        if first {
            self.open.insert(offset);
        }
    }

    /// Puts a message that came back into its place.
    pub(crate) fn see_again(&mut self, message: &Message, offset: u64) {
        if let Some(key) = message.key() {
            self.enqueue(key, offset);
        }
    }

    /// `true` if it is the first of its key now.
    fn enqueue(&mut self, key: &str, offset: u64) -> bool {
        let Some(queue) = self.queues.get_mut(key) else {
            self.queues.insert(key.into(), VecDeque::from([offset]));
            return true;
        };
        if let Err(at) = queue.binary_search(&offset) {
            queue.insert(at, offset);
        }
        queue.front() == Some(&offset)
    }

    /// `true` if no unfinished message of its key stands before it.
    pub(crate) fn has_turn(&self, message: &Message, offset: u64) -> bool {
        let queue = message.key().and_then(|key| self.queues.get(key));
        queue.is_none_or(|queue| queue.front() == Some(&offset))
    }

    /// Takes out a finished message; gives the one whose turn it is then.
    pub(crate) fn finish(&mut self, message: &Message, offset: u64) -> Option<u64> {
        self.open.remove(&offset);
        let key = message.key()?;
        let queue = self.queues.get_mut(key)?;
        let at = queue.binary_search(&offset).ok()?;
        queue.remove(at);
        let next = queue.front().copied();
        if next.is_none() {
            self.queues.remove(key);
        }
        next.filter(|_| at == 0)
    }

    /// A new message has its turn again.
    pub(crate) fn open(&mut self, offset: u64) {
        self.open.insert(offset);
    }

    /// The first new message that may have its turn.
    pub(crate) fn first_open(&self) -> Option<u64> {
        self.open.first().copied()
    }

    /// A new message was delivered, or has not its turn after all.
    pub(crate) fn close(&mut self, offset: u64) {
        self.open.remove(&offset);
    }

    /// New messages that may have their turn.
    pub(crate) fn all_open(&self) -> impl Iterator<Item = u64> {
        self.open.iter().copied()
    }
}
