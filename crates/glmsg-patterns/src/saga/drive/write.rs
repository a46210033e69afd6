//! Writing to the journal, and noticing what others write there.

use std::time::{Duration, Instant};

use glmsg_broker::{Change, Expected, Storage};
use glmsg_core::{Error, Result, Timestamp};

use super::Drive;
use crate::saga::journal::{self, Entry, log};

/// How long an entry is tried to be written where the storage does not answer.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

impl Drive<'_> {
    /// Writes what was decided; `false` if something else came before it, which is in the view then.
    pub(super) async fn decide(&mut self, entry: Entry) -> Result<bool> {
        let since = Instant::now();
        let (log, bytes) = (log(&self.view.id)?, entry.encode()?);
        let storage = self.shared.storage.clone();
        loop {
            let before = self.view.journal_version;
            let expected = Expected::Version(before);
            let appended = storage
                .append(&log, expected, std::slice::from_ref(&bytes))
                .await;
            match appended {
                Ok(Change::Made(_)) => {
                    self.view.apply(&entry, self.now());
                    return Ok(true);
                }
                Ok(Change::Conflict(_)) => {
                    self.sync(since).await?;
                    return Ok(false);
                }
                Err(error) => {
                    self.pause(error, since).await?;
                    // It may be there all the same: nobody else writes our entries while we own it.
                    let found = storage.read(&log, before, 1).await;
                    let is_ours = |record: &glmsg_broker::Record| record.data == bytes;
                    if let Ok(found) = found
                        && let Some(first) = found.first()
                    {
                        let is_ours = is_ours(first);
                        self.sync(since).await?;
                        return Ok(is_ours);
                    }
                }
            }
        }
    }

    /// Writes what has happened, whatever was asked for meanwhile; only another owner is in the way.
    pub(super) async fn record(&mut self, entry: Entry) -> Result<()> {
        while self.view.fence == self.fence {
            if self.decide(entry.clone()).await? {
                break;
            }
        }
        Ok(())
    }

    /// Takes in what others wrote.
    async fn sync(&mut self, since: Instant) -> Result<()> {
        loop {
            match journal::sync(&self.shared.storage, &mut self.view).await {
                Ok(()) => return Ok(()),
                Err(error) => self.pause(error, since).await?,
            }
        }
    }

    /// Waits a little before trying again what may work then.
    async fn pause(&self, error: Error, since: Instant) -> Result<()> {
        if !error.is_transient() || since.elapsed() > PATIENCE {
            return Err(error);
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    /// Holds on to the saga until others write to its journal; that is in the view then.
    pub(super) async fn watch(&mut self) -> Result<()> {
        let log = log(&self.view.id)?;
        let (storage, lease) = (self.shared.storage.clone(), self.shared.lease);
        let mut renewed = Instant::now();
        loop {
            let left = (lease / 3).saturating_sub(renewed.elapsed());
            let grown = match storage.wait(&log, self.view.journal_version, left).await {
                Ok(version) => version > self.view.journal_version,
                Err(error) if error.is_transient() => {
                    // It is fenced in any case: whoever cannot write, cannot go on.
                    tokio::time::sleep(PAUSE.min(lease / 3)).await;
                    false
                }
                Err(error) => return Err(error),
            };
            if grown {
                return self.sync(Instant::now()).await;
            }
            if renewed.elapsed() < lease / 3 {
                continue;
            }
            renewed = Instant::now();
            let owner = &self.shared.owner;
            match self.lease.renew(&storage, owner, lease).await {
                Ok(true) => {}
                Ok(false) => {
                    // It ran out. As long as nobody has claimed the saga since, it is ours.
                    self.sync(Instant::now()).await?;
                    if self.view.fence != self.fence {
                        return Ok(());
                    }
                    let again = self.lease.take_again(&storage, owner, lease).await;
                    if let Err(error) = again
                        && !error.is_transient()
                    {
                        return Err(error);
                    }
                }
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now().max(self.view.updated_at)
    }
}
