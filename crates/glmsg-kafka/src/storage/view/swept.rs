//! What sweepers have written.

use super::{Address, Head, View};

impl View {
    /// Applies a tombstone.
    pub(in crate::storage) fn bury(&mut self, offset: i64, address: &Address) {
        self.next = self.next.max(offset + 1);
        if self.void.remove(address).is_some() {
            return;
        }
        let Address { kind, key, tag } = address;
        let Some(entry) = self.shelf_mut(*kind).get_mut(key) else {
            return;
        };
        if entry.past.remove(tag).is_some() {
            let is_clean = entry.past.is_empty();
            self.worn_records -= 1;
            if is_clean {
                self.worn.remove(&(*kind, key.clone()));
            }
            return;
        }
        if matches!(&entry.head, Head::Gone { tag: of, .. } if of == tag)
            && let Some(entry) = self.shelf_mut(*kind).remove(key)
        {
            self.worn_records -= entry.past.len();
            self.worn.remove(&(*kind, key.clone()));
            if let Head::Gone { offset, .. } = entry.head {
                self.gone.remove(&(offset, *kind, key.clone()));
            }
        }
    }

    /// Versions of new values begin above this.
    pub(in crate::storage) fn raise(&mut self, offset: i64, floor: u64) {
        self.next = self.next.max(offset + 1);
        self.floors.insert(floor);
        self.floor = self.floor.max(floor);
    }

    pub(in crate::storage) fn lower(&mut self, offset: i64, floor: u64) {
        self.next = self.next.max(offset + 1);
        self.floors.remove(&floor);
    }
}
