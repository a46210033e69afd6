//! A claim in somebody's hands.

use std::fmt;
use std::sync::Arc;

use glmsg_broker::{CancellationToken, Change, Expected, Storage as _, StorageKey};
use glmsg_core::{Clock as _, Error, ErrorKind, MessageId, Result, SystemClock};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::{Entry, Inbox, PAUSE, TRIES};

/// A key that is yours to handle. The claim is renewed while this lives.
///
/// Say [`done`](Self::done) when it is handled, and [`release`](Self::release) when it is not.
/// Dropping it releases it in the background, where a runtime is there to do so; else it lapses.
#[must_use = "a claim that is dropped is given back"]
pub struct ClaimGuard {
    held: Arc<Held>,
    stop: CancellationToken,
    settled: bool,
}

struct Held {
    inbox: Inbox,
    key: StorageKey,
    owner: MessageId,
    /// Of the stored claim; `None` once it is not ours. Locked during a change, so that one follows
    /// the other.
    version: Mutex<Option<u64>>,
}

impl ClaimGuard {
    pub(super) fn new(inbox: &Inbox, key: StorageKey, owner: MessageId, version: u64) -> Self {
        let held = Arc::new(Held {
            inbox: inbox.clone(),
            key,
            owner,
            version: Mutex::new(Some(version)),
        });
        let stop = CancellationToken::new();
        tokio::spawn(held.clone().keep(stop.clone()));
        Self {
            held,
            stop,
            settled: false,
        }
    }

    /// Marks the key as handled, for the window.
    ///
    /// # Errors
    /// `Conflict` if the claim had lapsed and somebody else has it, or had it: then it may have been
    /// handled twice. Others of the connection, after some tries: then the key is not marked, and
    /// may be handled again.
    ///
    /// # Cancel safety
    /// If the future is dropped it may be marked or not.
    pub async fn done(mut self) -> Result<()> {
        self.settled = true;
        self.stop.cancel();
        let owner = self.held.owner;
        self.held.change(Some(Entry::Done { owner })).await
    }

    /// Gives the key back unhandled: whoever claims it next gets it at once.
    ///
    /// # Errors
    /// As [`done`](Self::done).
    pub async fn release(mut self) -> Result<()> {
        self.settled = true;
        self.stop.cancel();
        self.held.change(None).await
    }
}

impl Held {
    /// Renews the claim until it is stopped.
    async fn keep(self: Arc<Self>, stop: CancellationToken) {
        let lease = self.inbox.0.lease;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(lease / 3) => {}
            }
            let mut version = self.version.lock().await;
            // Once begun a change is not given up: its outcome would be unknown.
            let (Some(expected), false) = (*version, stop.is_cancelled()) else {
                return;
            };
            let deadline = SystemClock.now().after(lease);
            let entry = Entry::Claimed {
                owner: self.owner,
                deadline,
            };
            match self.attempt(Some(entry), expected).await {
                Ok(Change::Made(made)) => *version = Some(made),
                Ok(Change::Conflict(_)) => {
                    tracing::warn!(key = %self.key, "a claim was lost");
                    *version = None;
                    return;
                }
                // The next time finds out what became of it; two of three may fail.
                Err(error) => tracing::warn!(key = %self.key, %error, "a claim is not renewed"),
            }
        }
    }

    /// Replaces the claim by `entry`, or by nothing.
    async fn change(&self, entry: Option<Entry>) -> Result<()> {
        let mut version = self.version.lock().await;
        let expected = version.take().ok_or_else(|| self.lost())?;
        let mut tries = 0;
        loop {
            match self.attempt(entry, expected).await {
                Ok(Change::Made(_)) => return Ok(()),
                Ok(Change::Conflict(_)) => return Err(self.lost()),
                Err(error) if error.is_transient() && tries < TRIES => {
                    tries += 1;
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn attempt(&self, entry: Option<Entry>, version: u64) -> Result<Change> {
        let storage = &self.inbox.0.storage;
        let expected = Expected::Version(version);
        let change = match entry {
            Some(entry) => self.inbox.put(&self.key, entry, expected).await?,
            None => storage.remove(&self.key, expected).await?,
        };
        if change.made().is_some() {
            return Ok(change);
        }
        // The answer to an earlier try may have been lost: what is there is ours then.
        let Some(found) = storage.get(&self.key).await? else {
            return Ok(match entry {
                None => Change::Made(0),
                Some(_) => change,
            });
        };
        match (Entry::read(&found.data)?, entry) {
            (Entry::Done { owner }, Some(Entry::Done { .. })) if owner == self.owner => {
                Ok(Change::Made(found.version))
            }
            (Entry::Claimed { owner, .. }, Some(_)) if owner == self.owner => {
                let expected = Expected::Version(found.version);
                let entry = entry.unwrap_or(Entry::Done { owner });
                self.inbox.put(&self.key, entry, expected).await
            }
            (Entry::Claimed { owner, .. }, None) if owner == self.owner => {
                let expected = Expected::Version(found.version);
                storage.remove(&self.key, expected).await
            }
            _ => Ok(change),
        }
    }

    fn lost(&self) -> Error {
        let what = "the claim had lapsed, and somebody else took it over";
        Error::new(ErrorKind::Conflict, what)
            .operation("inbox")
            .with("key", &self.key)
            .remedy("make the handler's effect idempotent, or the lease of a claim longer")
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        self.stop.cancel();
        let runtime = tokio::runtime::Handle::try_current();
        if let (false, Ok(runtime)) = (self.settled, runtime) {
            let held = self.held.clone();
            runtime.spawn(async move {
                // If this fails it lapses.
                drop(held.change(None).await);
            });
        }
    }
}

impl fmt::Debug for ClaimGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimGuard")
            .field("key", &self.held.key)
            .finish_non_exhaustive()
    }
}
