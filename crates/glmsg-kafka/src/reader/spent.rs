//! What was kept of messages that are done, for those that are read next.
//!
//! One thread reads messages and another is done with them. Memory that one asks for and the other gives
//! back has both wait for the lock of the allocator: so it goes back to the one that reads.

use std::mem;
use std::sync::{Mutex, PoisonError};

use crate::entry::{Content, Entry};

/// So many are kept at most.
const MOST: usize = 1024;
/// One with a larger payload or with more headers is not kept.
const SMALL: usize = 1024;
const FEW: usize = 4;

/// The boxes of messages.
#[allow(clippy::vec_box, reason = "the boxes are what is wanted")]
pub(crate) type Boxes = Vec<Box<Entry>>;

/// What was kept of messages that are done.
#[derive(Debug, Default)]
pub(super) struct Spent(Mutex<Boxes>);

impl Spent {
    /// Keeps what is small, while there is room.
    pub(super) fn add(&self, mut done: Boxes) {
        done.retain(is_small);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() && done.len() <= MOST {
            *kept = mem::take(&mut done);
        } else {
            let room = MOST.saturating_sub(kept.len()).min(done.len());
            kept.extend(done.drain(..room));
        }
        // What is left goes when the lock is free again.
        drop(kept);
    }

    /// All of them.
    pub(super) fn take(&self) -> Boxes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[allow(clippy::borrowed_box, reason = "as it stands in the list")]
fn is_small(entry: &Box<Entry>) -> bool {
    let Content::Message(message) = &entry.content else {
        return false;
    };
    let is_plain = message.key().is_none() && entry.history.is_empty();
    is_plain && message.payload().len() <= SMALL && message.headers().len() <= FEW
}

/// A box for an entry: one of those, if there is one left.
pub(super) fn boxed(entry: Entry, spent: &mut Boxes) -> Box<Entry> {
    match spent.pop() {
        Some(mut kept) => {
            *kept = entry;
            kept
        }
        None => Box::new(entry),
    }
}

#[cfg(test)]
mod tests {
    use glmsg_core::{Message, Timestamp};

    use super::*;

    fn done(count: usize, payload: usize) -> Boxes {
        let entry = || {
            let message = Message::new("t", vec![0; payload]).unwrap();
            Box::new(Entry::of_message(message, Timestamp::from_micros(0)))
        };
        (0..count).map(|_| entry()).collect()
    }

    #[test]
    fn little_is_kept_and_used_once() {
        let spent = Spent::default();
        spent.add(done(MOST + 1, SMALL));
        assert_eq!(spent.take().len(), MOST);
        spent.add(done(700, SMALL));
        spent.add(done(3, SMALL + 1));
        spent.add(done(700, 0));
        let mut kept = spent.take();
        assert_eq!(kept.len(), MOST);
        assert!(spent.take().is_empty());
        let [fresh] = <[_; 1]>::try_from(done(1, 5)).unwrap();
        let made = boxed(*fresh, &mut kept);
        assert_eq!(made.message().unwrap().payload().len(), 5);
        assert_eq!(kept.len(), MOST - 1);
    }
}
