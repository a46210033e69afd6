//! What this process waits for.

use glmsg_core::Timestamp;

use super::{OpId, View};

/// An operation of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) since: Timestamp,
    /// Whether it was made.
    pub(super) outcome: Option<bool>,
}

impl View {
    /// Begins to watch for an operation.
    pub(in crate::storage) fn register(&mut self, op: OpId, since: Timestamp) {
        let outcome = None;
        self.pending.insert(op, Pending { since, outcome });
    }

    pub(in crate::storage) fn forget(&mut self, op: OpId) {
        self.pending.remove(&op);
    }

    /// Whether an operation was made; `None` if nothing of it was read.
    pub(in crate::storage) fn outcome(&self, op: OpId) -> Option<bool> {
        self.pending.get(&op).and_then(|pending| pending.outcome)
    }
}
