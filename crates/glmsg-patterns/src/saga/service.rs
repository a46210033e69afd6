//! Looking after sagas.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use glmsg_broker::{CancellationToken, Expected, KeyPrefix, Storage, StorageKey};
use glmsg_core::{Result, Timestamp};
use tokio::task::{JoinHandle, JoinSet};

use super::journal::{self, ACTIVE, active, id_of, log};
use super::{SagaError, SagaId, SagaRunner, SagaStatus, SagaView};

/// How many sagas are listed at once.
const BATCH: usize = 500;
/// How often old journals are looked for.
const CLEAN: Duration = Duration::from_secs(600);
/// How long a saga may be announced and not begun before nobody believes that it will.
const STILLBORN: Duration = Duration::from_secs(3600);

/// Looks after sagas in the background. Dropped, it ends at once, and what it ran goes on elsewhere
/// when the leases have run out; [`stop`](Self::stop) is gentler.
#[derive(Debug)]
#[must_use = "a service ends when it is dropped"]
pub struct SagaService {
    stopping: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl SagaService {
    pub(super) fn start(runner: SagaRunner) -> Self {
        let stopping = CancellationToken::new();
        let sweep = Sweep {
            runner,
            stopping: stopping.clone(),
            idle: BTreeMap::new(),
            running: JoinSet::new(),
            ids: BTreeSet::new(),
        };
        Self {
            stopping,
            task: Some(tokio::spawn(sweep.run())),
        }
    }

    /// Ends it: attempts under way finish, no other begins, and others can take over at once.
    ///
    /// Dropped, the rest ends at once.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if let Some(task) = &mut self.task {
            // It was aborted or has panicked: it has ended in any case.
            let _ = task.await;
        }
    }
}

impl Drop for SagaService {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

struct Sweep {
    runner: SagaRunner,
    stopping: CancellationToken,
    /// Sagas with which there was nothing to do, by the version of their journal then.
    idle: BTreeMap<SagaId, u64>,
    running: JoinSet<SagaId>,
    /// Whom they run.
    ids: BTreeSet<SagaId>,
}

impl fmt::Debug for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sweep")
    }
}

impl Sweep {
    async fn run(mut self) {
        let mut cleaned: Option<Instant> = None;
        while !self.stopping.is_cancelled() {
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "sagas could not be looked after");
            }
            if cleaned.is_none_or(|at| at.elapsed() >= CLEAN) {
                cleaned = Some(Instant::now());
                let before = self.runner.0.retention;
                if let Err(error) = self.runner.store().purge(before).await {
                    tracing::warn!(%error, "old journals of sagas could not be removed");
                }
            }
            let poll = tokio::time::sleep(self.runner.0.poll);
            tokio::pin!(poll);
            loop {
                tokio::select! {
                    () = &mut poll => break,
                    () = self.stopping.cancelled() => break,
                    Some(ended) = self.running.join_next() => self.ended(ended.ok()),
                }
            }
        }
        while let Some(ended) = self.running.join_next().await {
            self.ended(ended.ok());
        }
    }

    fn ended(&mut self, id: Option<SagaId>) {
        match id {
            Some(id) => drop(self.ids.remove(&id)),
            // It panicked, so nobody says which it was; claims keep each from running twice.
            None => self.ids.clear(),
        }
    }

    async fn sweep(&mut self) -> Result<()> {
        let storage = self.runner.0.storage.clone();
        let prefix = KeyPrefix::new(ACTIVE)?;
        let mut after: Option<StorageKey> = None;
        let mut seen = BTreeSet::new();
        loop {
            let keys = storage.keys(&prefix, after.as_ref(), BATCH).await?;
            for key in &keys {
                let id = id_of(key)?;
                seen.insert(id.clone());
                if self.stopping.is_cancelled() {
                    return Ok(());
                }
                if !self.ids.contains(&id) {
                    self.look_at(id).await?;
                }
            }
            after = keys.last().cloned();
            if keys.is_empty() {
                self.idle.retain(|id, _| seen.contains(id));
                return Ok(());
            }
        }
    }

    async fn look_at(&mut self, id: SagaId) -> Result<()> {
        let storage = &self.runner.0.storage;
        let version = storage.version(&log(&id)?).await?;
        if self.idle.get(&id) == Some(&version) {
            return Ok(());
        }
        let Some(saga) = journal::view(storage, &id).await? else {
            return self.forget_stillborn(&id).await;
        };
        if saga.status.is_finished() {
            self.runner.0.retire(&id).await;
            return Ok(());
        }
        if saga.status == SagaStatus::Parked || self.is_unknown(&saga) {
            self.idle.insert(id, saga.journal_version);
            return Ok(());
        }
        if self.ids.len() >= self.runner.0.concurrency {
            return Ok(());
        }
        let (runner, stopping) = (self.runner.clone(), self.stopping.clone());
        self.ids.insert(id.clone());
        self.running.spawn(async move {
            match runner.drive(&saga, stopping).await {
                Ok(_) => {}
                Err(error @ SagaError::NotRegistered { .. }) => {
                    tracing::warn!(%error, "a saga is not run");
                }
                Err(error) => tracing::warn!(%error, saga = %id, "a saga was not run to its end"),
            }
            id
        });
        Ok(())
    }

    /// Whether nobody here can run it; that is said once.
    fn is_unknown(&self, saga: &SagaView) -> bool {
        if self.runner.0.definition(saga).is_some() {
            return false;
        }
        let (id, version) = (Some(saga.id.clone()), Some(saga.version));
        let error = self.runner.0.not_registered(id, &saga.name, version);
        tracing::warn!(%error, "a saga is not run here");
        true
    }

    /// Whoever announced it died before it began.
    async fn forget_stillborn(&self, id: &SagaId) -> Result<()> {
        let shared = &self.runner.0;
        let Some(value) = shared.storage.get(&active(id)?).await? else {
            return Ok(());
        };
        let text = std::str::from_utf8(&value.data).ok();
        let since = text.and_then(|text| text.parse().ok()).unwrap_or(0);
        let age = shared.clock.now().since(Timestamp::from_micros(since));
        if age > STILLBORN {
            let expected = Expected::Version(value.version);
            let _ = shared.storage.remove(&active(id)?, expected).await?;
        }
        Ok(())
    }
}
