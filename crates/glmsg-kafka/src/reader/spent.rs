//! What was kept of messages that are done, for those that are read next.
//!
//! One thread reads messages and another is done with them. Memory that one asks for and the other gives
//! back has both wait for the lock of the allocator: so it goes back to the one that reads.

use std::mem;
use std::sync::{Mutex, PoisonError};

use crate::entry::Entry;

/// So many are kept at most.
const MOST: usize = 1024;
/// One whose payload is larger is not kept.
const SMALL: usize = 1024;

/// What was kept of messages that are done.
#[derive(Debug, Default)]
pub(super) struct Spent(Mutex<Vec<Box<Entry>>>);

impl Spent {
    /// Keeps what is small, while there is room.
    pub(super) fn add(&self, mut done: Vec<Box<Entry>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() && done.len() <= MOST {
            done.retain(is_small);
            *kept = done;
            return;
        }
        let room = MOST.saturating_sub(kept.len());
        kept.extend(done.into_iter().filter(is_small).take(room));
    }

    /// All of them.
    pub(super) fn take(&self) -> Vec<Box<Entry>> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[allow(clippy::borrowed_box, reason = "as it stands in the list")]
fn is_small(entry: &Box<Entry>) -> bool {
    entry.payload_len() <= SMALL
}

/// A box for an entry: one of those, if there is one left.
pub(super) fn boxed(entry: Entry, spent: &mut Vec<Box<Entry>>) -> Box<Entry> {
    match spent.pop() {
        Some(mut kept) => {
            *kept = entry;
            kept
        }
        None => Box::new(entry),
    }
}
