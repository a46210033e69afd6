//! How much of each partition is here and may not be delivered yet: it waits for its time, for its
//! key's turn, or to arrive elsewhere.
//!
//! No reading is stopped for it as for what may be delivered: who takes would wait for what is not
//! due. Only the partition that has much of it is read no further, until some of it has gone.

use std::collections::HashMap;

use super::size;
use crate::entry::Entry;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    bytes: usize,
    of_parts: HashMap<u64, usize>,
}

impl Waiting {
    /// It waits from now on, if it did not.
    pub(super) fn add(&mut self, part: u64, entry: &mut Entry) {
        if !std::mem::replace(&mut entry.is_counted, true) {
            let bytes = size(entry);
            self.bytes += bytes;
            *self.of_parts.entry(part).or_default() += bytes;
        }
    }

    /// It waits no longer, if it did.
    pub(super) fn remove(&mut self, part: u64, entry: &mut Entry) {
        if std::mem::take(&mut entry.is_counted)
            && let Some(of_part) = self.of_parts.get_mut(&part)
        {
            let bytes = size(entry);
            *of_part = of_part.saturating_sub(bytes);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// A partition is gone, with all that waited in it.
    pub(super) fn forget(&mut self, part: u64) {
        let bytes = self.of_parts.remove(&part).unwrap_or_default();
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Whether more than `most` bytes wait, and a partition has more than its share of them.
    pub(super) fn is_heavy(&self, part: u64, most: usize, parts: usize) -> bool {
        let of_part = self.of_parts.get(&part).copied().unwrap_or_default();
        self.bytes > most && of_part > most / parts.max(1)
    }
}
