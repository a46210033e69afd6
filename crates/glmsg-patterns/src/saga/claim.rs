//! Who runs a saga.

use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{BoxStorage, Change, Expected, Storage, StorageKey};
use glmsg_core::Result;

use super::journal::{self, Entry, log};
use super::{SagaId, SagaView};

/// The value that keeps others from claiming a saga as long as its owner lives. It is there so that
/// nobody takes a saga from an owner that works; that nobody can write after he has lost it is the
/// journal's business.
#[derive(Debug)]
pub(super) struct Lease {
    key: StorageKey,
    version: u64,
}

/// Claims a saga: its view, and the lease. `None` if somebody else has it.
pub(super) async fn claim(
    storage: &BoxStorage,
    id: &SagaId,
    owner: &str,
    lease: Duration,
) -> Result<Option<(SagaView, Lease)>> {
    let key = StorageKey::new(format!("saga/lease/{id}"))?;
    let holder = Bytes::from(owner.to_owned());
    let put = storage.put(&key, &holder, Expected::NOTHING, Some(lease));
    let Change::Made(version) = put.await? else {
        return Ok(None);
    };
    let held = Lease { key, version };
    let entry = Entry::Claimed {
        owner: owner.to_owned(),
    };
    loop {
        let Some(mut view) = journal::view(storage, id).await? else {
            held.release(storage).await;
            return Ok(None);
        };
        if view.status.is_finished() {
            return Ok(Some((view, held)));
        }
        let expected = Expected::Version(view.journal_version);
        let appended = storage
            .append(&log(id)?, expected, &[entry.encode()?])
            .await?;
        if let Change::Made(version) = appended {
            journal::sync(storage, &mut view).await?;
            // Somebody whose lease had run out while he was reading may have claimed it since.
            if view.fence == version {
                return Ok(Some((view, held)));
            }
            held.release(storage).await;
            return Ok(None);
        }
    }
}

impl Lease {
    /// Holds on to it; `false` if it is another's, or has run out: then the journal tells.
    pub(super) async fn renew(
        &mut self,
        storage: &BoxStorage,
        owner: &str,
        lease: Duration,
        expected: Expected,
    ) -> Result<bool> {
        let holder = Bytes::from(owner.to_owned());
        let put = storage.put(&self.key, &holder, expected, Some(lease));
        match put.await? {
            Change::Made(version) => {
                self.version = version;
                Ok(true)
            }
            Change::Conflict(_) => Ok(false),
        }
    }

    /// What is expected of it if nothing happened.
    pub(super) fn expected(&self) -> Expected {
        Expected::Version(self.version)
    }

    /// Gives it back. If that does not work, it runs out.
    pub(super) async fn release(&self, storage: &BoxStorage) {
        if let Err(error) = storage.remove(&self.key, self.expected()).await {
            tracing::debug!(%error, lease = %self.key, "a saga's lease was not given back");
        }
    }
}
