//! Taking out of a partition what counts no more. Who writes does it now and then, for all.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use glmsg_core::Result;

use super::key::RecordKey;
use super::shelf::Shelf;
use super::store::Inner;
use super::view::Plan;
use crate::producer::Record;

/// From how many records on it is worth it, and how many are taken out at once.
const WORTH: usize = 200;
const MOST: usize = 2_000;

/// Somebody sweeps a partition. Over also where its runtime ends first.
struct Sweeping(Arc<Inner>, i32);

impl Drop for Sweeping {
    fn drop(&mut self) {
        if let Some(shelf) = self.0.shelf_of(self.1) {
            shelf.is_swept.store(false, Ordering::Release);
        }
    }
}

impl Inner {
    /// Sweeps a partition, apart from the caller, if there is something to sweep.
    pub(super) fn maybe_sweep(self: &Arc<Self>, shelf: &Shelf) {
        let now = self.now();
        // Not all processes at the same moment.
        let worth = WORTH + fastrand::usize(..WORTH);
        if shelf.with(|view| view.waste(now) < worth) != Some(false)
            || shelf.is_swept.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let sweeping = Sweeping(Arc::clone(self), shelf.partition);
        tokio::spawn(async move {
            let Some(shelf) = sweeping.0.shelf_of(sweeping.1) else {
                return;
            };
            if let Err(error) = sweeping.0.sweep(shelf).await {
                tracing::debug!(%error, "the storage was not swept: another time");
            }
        });
    }

    async fn sweep(self: &Arc<Self>, shelf: &Shelf) -> Result<()> {
        let now = self.now();
        let Some(plan) = shelf.with(|view| view.plan(now, MOST)) else {
            return Ok(());
        };
        let Plan {
            void,
            worn,
            floor,
            gone,
            expired,
        } = plan;
        // Each only when the one before is stored: see `View`.
        self.bury(shelf, &void).await?;
        self.bury(shelf, &worn).await?;
        if let Some(floor) = floor {
            let floor = RecordKey::Floor(floor);
            self.store(shelf.partition, &floor, Some(&[])).await?;
        }
        self.bury(shelf, &gone).await?;
        let expired = expired.into_iter().map(|(address, command)| {
            let key = RecordKey::Change(address).write();
            (key, Some(command.write()))
        });
        self.store_all(shelf, expired.collect()).await?;
        // What was taken out is not planned again.
        self.sync(shelf).await
    }

    async fn bury(&self, shelf: &Shelf, keys: &[RecordKey]) -> Result<()> {
        let tombstones = keys.iter().map(|key| (key.write(), None));
        self.store_all(shelf, tombstones.collect()).await
    }

    async fn store_all(&self, shelf: &Shelf, all: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<()> {
        if all.is_empty() {
            return Ok(());
        }
        let records = all.iter().map(|(key, value)| Record {
            topic: &self.topic,
            partition: Some(shelf.partition),
            key: Some(key),
            value: value.as_deref(),
            headers: None,
        });
        let stored = self.producer.send(records.collect()).await;
        stored.into_iter().collect()
    }
}
