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
    ) -> Result<bool> {
        let expected = self.expected();
        self.put(storage, owner, lease, expected).await
    }

    /// Takes it again where nobody else has. Never from somebody: he would work on, and a third
    /// could claim the saga beside him.
    pub(super) async fn take_again(
        &mut self,
        storage: &BoxStorage,
        owner: &str,
        lease: Duration,
    ) -> Result<bool> {
        let expected = match storage.get(&self.key).await? {
            None => Expected::NOTHING,
            // The answer to a renewal was lost.
            Some(value) if value.data == owner.as_bytes() => Expected::Version(value.version),
            Some(_) => return Ok(false),
        };
        self.put(storage, owner, lease, expected).await
    }

    async fn put(
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
    fn expected(&self) -> Expected {
        Expected::Version(self.version)
    }

    /// Gives it back. If that does not work, it runs out.
    pub(super) async fn release(&self, storage: &BoxStorage) {
        if let Err(error) = storage.remove(&self.key, self.expected()).await {
            tracing::debug!(%error, lease = %self.key, "a saga's lease was not given back");
        }
    }
}

#[cfg(test)]
mod tests {
    use glmsg_broker::Broker;
    use glmsg_memory::MemoryBroker;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn lease(storage: &BoxStorage, owner: &str, expected: Expected) -> Lease {
        let key = StorageKey::new("saga/lease/s").expect("valid");
        let mut lease = Lease { key, version: 0 };
        let put = lease.put(storage, owner, LONG, expected).await;
        assert!(put.expect("an answer"), "{owner} has it");
        lease
    }

    async fn holder(storage: &BoxStorage, lease: &Lease) -> Option<Bytes> {
        let value = storage.get(&lease.key).await.expect("an answer");
        value.map(|value| value.data)
    }

    #[tokio::test]
    async fn a_lease_that_ran_out_is_taken_again_from_nobody() {
        let broker = MemoryBroker::default();
        let storage = broker.open_storage().await.expect("a storage");
        let mut old = lease(&storage, "old", Expected::NOTHING).await;
        // It ran out.
        old.release(&storage).await;
        assert!(!old.renew(&storage, "old", LONG).await.expect("an answer"));
        let again = old.take_again(&storage, "old", LONG).await;
        assert!(again.expect("an answer"), "nobody has it");

        // The answer to a renewal is lost.
        let mut renewed = lease(&storage, "old", old.expected()).await;
        assert!(!old.renew(&storage, "old", LONG).await.expect("an answer"));
        let again = old.take_again(&storage, "old", LONG).await;
        assert!(again.expect("an answer"), "it is the same owner's");
        assert!(!renewed.renew(&storage, "old", LONG).await.expect("told"));

        // It ran out, and somebody is claiming the saga.
        old.release(&storage).await;
        let mut new = lease(&storage, "new", Expected::NOTHING).await;
        let again = old.take_again(&storage, "old", LONG).await;
        assert!(!again.expect("an answer"));
        assert_eq!(holder(&storage, &new).await.as_deref(), Some(&b"new"[..]));
        assert!(new.renew(&storage, "new", LONG).await.expect("an answer"));
    }
}
