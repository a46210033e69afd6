//! A partition that is being read for the first time.
//!
//! What has a tombstone is left out before anything is judged: compaction takes records out in any
//! order, so what was read before its tombstone may count for something that it does not.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use glmsg_core::Timestamp;

use super::command::{Command, What};
use super::key::RecordKey;
use super::view::View;

/// What was read, and has no tombstone.
#[derive(Debug, Default)]
pub(super) struct Loading {
    records: BTreeMap<i64, (Timestamp, RecordKey, Option<Command>)>,
    by_key: HashMap<RecordKey, i64>,
    pub(super) next: i64,
    /// How many bytes of logs are held.
    held: usize,
}

impl Loading {
    /// Takes a record, or a tombstone where there is no value. Holds the bytes of logs up to `cache`.
    pub(super) fn add(
        &mut self,
        offset: i64,
        at: Timestamp,
        key: RecordKey,
        value: Option<&Bytes>,
        cache: usize,
    ) {
        self.next = self.next.max(offset + 1);
        let Some(value) = value else {
            let found = self.by_key.remove(&key);
            if let Some(found) = found {
                self.records.remove(&found);
            }
            return;
        };
        let command = match &key {
            RecordKey::Floor(_) => None,
            RecordKey::Change(_) => match Command::read(value) {
                Some(command) => Some(self.bounded(command, cache)),
                None => return,
            },
        };
        if let Some(earlier) = self.by_key.insert(key.clone(), offset) {
            self.records.remove(&earlier);
        }
        self.records.insert(offset, (at, key, command));
    }

    pub(super) fn skip(&mut self, offset: i64) {
        self.next = self.next.max(offset + 1);
    }

    fn bounded(&mut self, mut command: Command, cache: usize) -> Command {
        if let What::Append(chunk) = &mut command.what {
            if self.held + chunk.size > cache {
                chunk.body = None;
            } else {
                self.held += chunk.size;
            }
        }
        command
    }

    /// Judges all of it, by a view that has seen nothing yet.
    pub(super) fn judge(self, mut view: View) -> View {
        for (offset, (at, key, command)) in self.records {
            match (key, command) {
                (RecordKey::Change(address), Some(command)) => {
                    view.change(offset, at, address, command);
                }
                (RecordKey::Floor(floor), _) => view.raise(offset, floor),
                (RecordKey::Change(_), None) => {}
            }
        }
        view.next = view.next.max(self.next);
        view
    }
}
