//! Whoever runs sagas.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{BoxStorage, CancellationToken, Change, Expected, Storage, StorageKey};
use glmsg_core::{Clock, Error, ErrorKind};
use serde::Serialize;

use super::claim::claim;
use super::context::encode;
use super::drive::{Drive, Driven};
use super::journal::{self, Entry, active, log};
use super::{
    SagaDefinition, SagaError, SagaId, SagaOutcome, SagaRunnerBuilder, SagaService, SagaStatus,
    SagaStore, SagaView,
};

/// The longest time until somebody who waits for another owner looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What all of a runner's handles share.
pub(super) struct Shared {
    pub(super) storage: BoxStorage,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) owner: String,
    pub(super) lease: Duration,
    pub(super) poll: Duration,
    pub(super) retention: Duration,
    pub(super) concurrency: usize,
    pub(super) definitions: BTreeMap<(String, u32), Arc<SagaDefinition>>,
}

impl Shared {
    /// A finished saga is no longer among those that are looked after. What is left of one after a
    /// crash is found by a service.
    pub(super) async fn retire(&self, id: &SagaId) {
        let removed = async {
            let _ = self.storage.remove(&active(id)?, Expected::Any).await?;
            Ok::<_, Error>(())
        };
        if let Err(error) = removed.await {
            tracing::debug!(%error, saga = %id, "a finished saga is still listed as active");
        }
    }

    pub(super) fn definition(&self, saga: &SagaView) -> Option<Arc<SagaDefinition>> {
        let found = self.definitions.get(&(saga.name.clone(), saga.version))?;
        let names = found.steps.iter().map(|step| &*step.name);
        names
            .eq(saga.steps.iter().map(|step| step.name.as_str()))
            .then(|| found.clone())
    }

    /// The newest definition of this name.
    fn newest(&self, name: &str) -> Option<&Arc<SagaDefinition>> {
        let versions = (name.to_owned(), 0)..=(name.to_owned(), u32::MAX);
        self.definitions.range(versions).next_back().map(|(_, d)| d)
    }

    pub(super) fn not_registered(
        &self,
        id: Option<SagaId>,
        name: &str,
        version: Option<u32>,
    ) -> SagaError {
        let registered = self.definitions.keys().filter(|(other, _)| other == name);
        SagaError::NotRegistered {
            id,
            name: name.to_owned(),
            version,
            registered: registered.map(|(_, version)| *version).collect(),
        }
    }
}

/// Runs sagas by the definitions it knows. A clone is another handle on the same.
#[derive(Clone)]
pub struct SagaRunner(pub(super) Arc<Shared>);

impl fmt::Debug for SagaRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SagaRunner")
            .field("owner", &self.0.owner)
            .field("definitions", &self.0.definitions.keys())
            .finish_non_exhaustive()
    }
}

impl SagaRunner {
    /// Begins a runner, which knows no definitions yet.
    pub fn builder() -> SagaRunnerBuilder {
        SagaRunnerBuilder::default()
    }

    /// What is kept of sagas: to list, look at, cancel and purge them.
    pub fn store(&self) -> SagaStore {
        SagaStore::on(self.0.storage.clone())
    }

    /// Starts a saga by the newest definition of this name and runs it to its end, here.
    ///
    /// Dropped, it leaves the saga as it is: it goes on, when its lease has run out, where a
    /// [service](Self::serve) runs or somebody calls [`resume`](Self::resume). To undo it, use
    /// [`SagaStore::compensate`].
    ///
    /// # Errors
    /// See [`SagaError`].
    pub async fn execute<T: Serialize + ?Sized>(
        &self,
        name: &str,
        input: &T,
    ) -> Result<SagaOutcome, SagaError> {
        let id = SagaId::unique()?;
        self.start(&id, name, input).await?;
        self.resume(&id).await
    }

    /// [`execute`](Self::execute) under an id that follows from what the saga is about. If there is
    /// a saga of this id already, that one goes on, or has ended: asking twice runs it once.
    ///
    /// # Errors
    /// See [`SagaError`]; `Conflict` if the saga of this id has another name or another input.
    pub async fn execute_as<T: Serialize + ?Sized>(
        &self,
        id: &SagaId,
        name: &str,
        input: &T,
    ) -> Result<SagaOutcome, SagaError> {
        if !self.start(id, name, input).await? {
            let found = journal::view(&self.0.storage, id).await?;
            let other = match found {
                Some(found) if found.name != name => Some(format!("it is a {}", found.name)),
                Some(found) if found.input != encode(input)? => {
                    Some("it was started with another input".to_owned())
                }
                _ => None,
            };
            if let Some(other) = other {
                let text = format!("there is a saga of this id already, and {other}");
                let error = Error::new(ErrorKind::Conflict, text).operation("execute");
                let error = error.remedy("give each saga an id of its own");
                return Err(error.with("saga", id).into());
            }
        }
        self.resume(id).await
    }

    /// Writes down that a saga begins, by the newest definition of this name, and leaves it to a
    /// [service](Self::serve), here or elsewhere, to run it. `false` if there is one of this id.
    ///
    /// # Errors
    /// [`SagaError::NotRegistered`]; `Codec` if the input cannot be JSON; those of the storage.
    pub async fn start<T: Serialize + ?Sized>(
        &self,
        id: &SagaId,
        name: &str,
        input: &T,
    ) -> Result<bool, SagaError> {
        let Some(definition) = self.0.newest(name) else {
            return Err(self.0.not_registered(None, name, None));
        };
        let now = self.0.clock.now();
        let deadline = definition.timeout.map(|timeout| now.after(timeout));
        let entry = Entry::Started {
            name: definition.name.clone(),
            version: definition.version,
            input: encode(input)?,
            steps: definition
                .steps
                .iter()
                .map(|s| s.name.to_string())
                .collect(),
            deadline_us: deadline.map(|deadline| deadline.as_micros()),
        };
        let storage = &self.0.storage;
        if storage.version(&log(id)?).await? > 0 {
            return Ok(false);
        }
        // First, so that no journal is without it: whoever looks for work looks there.
        let since = Bytes::from(now.as_micros().to_string());
        let _ = storage
            .put(&active(id)?, &since, Expected::Any, None)
            .await?;
        let begun = storage
            .append(&log(id)?, Expected::NOTHING, &[entry.encode()?])
            .await?;
        Ok(matches!(begun, Change::Made(_)))
    }

    /// Runs a saga to its end from where its journal ends, and returns how it ended. As long as
    /// somebody else runs it, it waits; if that one dies, it takes over when the lease has run out.
    /// A parked saga stays parked.
    ///
    /// # Errors
    /// See [`SagaError`]; `NotFound` if there is no such saga.
    pub async fn resume(&self, id: &SagaId) -> Result<SagaOutcome, SagaError> {
        let storage = &self.0.storage;
        loop {
            let found = journal::view(storage, id).await?;
            let saga = found.ok_or_else(|| super::store::no_such(id).operation("resume"))?;
            match saga.status {
                SagaStatus::Completed => {
                    let (id, outputs) = (id.clone(), saga.outputs());
                    return Ok(SagaOutcome { id, outputs });
                }
                SagaStatus::Compensated => return Err(SagaError::Compensated(Box::new(saga))),
                SagaStatus::Parked => return Err(SagaError::Parked(Box::new(saga))),
                SagaStatus::Running | SagaStatus::Compensating => {}
            }
            let driven = self.drive(&saga, CancellationToken::new()).await?;
            if driven.is_none() {
                let wait = LOOK_AGAIN.min(self.0.lease / 2);
                let log: StorageKey = log(id)?;
                storage.wait(&log, saga.journal_version, wait).await?;
            }
        }
    }

    /// Claims a saga and runs it; `None` if somebody else has it.
    pub(super) async fn drive(
        &self,
        saga: &SagaView,
        stopping: CancellationToken,
    ) -> Result<Option<Driven>, SagaError> {
        let Some(definition) = self.0.definition(saga) else {
            let (id, version) = (Some(saga.id.clone()), Some(saga.version));
            return Err(self.0.not_registered(id, &saga.name, version));
        };
        let shared = &*self.0;
        let claimed = claim(&shared.storage, &saga.id, &shared.owner, shared.lease).await?;
        let Some(claimed) = claimed else {
            return Ok(None);
        };
        let drive = Drive::new(shared, definition, claimed, stopping);
        Ok(Some(Box::pin(drive.run()).await?))
    }

    /// Looks after sagas in the background, until it is stopped: those that were started and not
    /// run, those whose owner has died, and what operators ask for. Removes the journals of those
    /// that ended longer than the [retention](SagaRunnerBuilder::retention) ago.
    ///
    /// Call it within a tokio runtime. Every process of an application may run one.
    pub fn serve(&self) -> SagaService {
        SagaService::start(self.clone())
    }
}
