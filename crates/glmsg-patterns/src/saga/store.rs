//! What is kept of sagas.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{BoxStorage, Broker, Change, Expected, KeyPrefix, Storage};
use glmsg_core::{Clock, Error, ErrorKind, Result, SystemClock, Timestamp, clean_error_text};
use serde_json::Value;

use super::journal::{self, ACTIVE, Entry, JOURNALS, Request, active, id_of, log};
use super::{SagaId, SagaStatus, SagaView};

/// How many sagas are listed at once.
const BATCH: usize = 500;

/// Which sagas are listed. Without conditions: all.
#[derive(Debug, Clone)]
#[must_use = "a query is asked by `list`"]
pub struct SagaQuery {
    status: Vec<SagaStatus>,
    name: Option<String>,
    after: Option<SagaId>,
    limit: usize,
}

impl Default for SagaQuery {
    fn default() -> Self {
        Self {
            status: Vec::new(),
            name: None,
            after: None,
            limit: 100,
        }
    }
}

impl SagaQuery {
    /// Of this status; given more than once, of any of them.
    pub fn status(mut self, status: SagaStatus) -> Self {
        self.status.push(status);
        self
    }

    /// Of this definition.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Behind this id: where the page before ended.
    pub fn after(mut self, id: Option<SagaId>) -> Self {
        self.after = id;
        self
    }

    /// At most so many. Default: 100.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    fn takes(&self, saga: &SagaView) -> bool {
        (self.status.is_empty() || self.status.contains(&saga.status))
            && self.name.as_ref().is_none_or(|name| *name == saga.name)
    }
}

/// Some of the sagas that were asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SagaPage {
    /// The sagas, in the order of their ids; generated ids are in the order of their start.
    pub sagas: Vec<SagaView>,
    /// Where the next page begins, for [`SagaQuery::after`]; `None` at the end.
    pub next: Option<SagaId>,
}

/// One entry of a saga's journal.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct JournalLine {
    /// Its place, from 1.
    pub version: u64,
    /// When it was written, by the clock of the store.
    pub at: Timestamp,
    /// What it says: an object whose member `entry` tells what kind it is.
    pub entry: Value,
}

/// What is kept of sagas, by their journals alone: it needs none of their code. A clone is another
/// handle on the same.
#[derive(Debug, Clone)]
pub struct SagaStore(BoxStorage);

impl SagaStore {
    /// The sagas of this broker.
    ///
    /// # Errors
    /// `Unsupported` if the broker has no storage.
    pub async fn open(broker: &Arc<dyn Broker>) -> Result<Self> {
        Ok(Self::on(broker.open_storage().await?))
    }

    /// The sagas of this storage.
    pub fn on(storage: BoxStorage) -> Self {
        Self(storage)
    }

    /// How far a saga has come; `None` if there is none of this id.
    ///
    /// # Errors
    /// `Codec` if its journal cannot be read; those of the storage.
    pub async fn get(&self, id: &SagaId) -> Result<Option<SagaView>> {
        journal::view(&self.0, id).await
    }

    /// All that is written of a saga; empty if there is none of this id.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn journal(&self, id: &SagaId) -> Result<Vec<JournalLine>> {
        let records = journal::records(&self.0, id).await?;
        let lines = records.into_iter().map(|record| {
            let entry = serde_json::from_slice(&record.data).map_err(|e| {
                let error = Error::new(ErrorKind::Codec, "an entry of the journal is no JSON");
                error.with("saga", id).source(e)
            });
            Ok(JournalLine {
                version: record.version,
                at: record.at,
                entry: entry?,
            })
        });
        lines.collect()
    }

    /// The sagas that are asked for. The journal of each that may be one is read: asked for finished
    /// ones, of all there are.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn list(&self, query: &SagaQuery) -> Result<SagaPage> {
        let is_unfinished =
            !query.status.is_empty() && !query.status.iter().any(|status| status.is_finished());
        let prefix = KeyPrefix::new(if is_unfinished { ACTIVE } else { JOURNALS })?;
        let key = |id: &SagaId| if is_unfinished { active(id) } else { log(id) };
        let mut after = query.after.as_ref().map(key).transpose()?;
        let mut sagas = Vec::new();
        loop {
            let keys = match is_unfinished {
                true => self.0.keys(&prefix, after.as_ref(), BATCH).await?,
                false => self.0.logs(&prefix, after.as_ref(), BATCH).await?,
            };
            for key in &keys {
                let id = id_of(key)?;
                let saga = self.get(&id).await?;
                sagas.extend(saga.filter(|saga| query.takes(saga)));
                if sagas.len() > query.limit {
                    // One more than was asked for: there is a next page.
                    sagas.pop();
                    let next = sagas.last().map(|saga| saga.id.clone());
                    return Ok(SagaPage { sagas, next });
                }
            }
            after = keys.last().cloned();
            if keys.is_empty() {
                return Ok(SagaPage { sagas, next: None });
            }
        }
    }

    /// Asks for a saga to go on: a parked one tries its compensations again, one that waits for a
    /// retry waits no longer. It is written into the journal; a running
    /// [`SagaRunner`](super::SagaRunner) that knows the definition does it.
    ///
    /// # Errors
    /// `NotFound` if there is no such saga; `Conflict` if it has ended.
    pub async fn resume(&self, id: &SagaId, reason: &str) -> Result<SagaView> {
        self.request(id, Request::Resume, reason).await
    }

    /// Asks for a running saga to be cancelled, and what it did to be undone; a parked one tries its
    /// compensations again. It is written into the journal; the saga's owner, or a running
    /// [`SagaRunner`](super::SagaRunner) that knows the definition, does it.
    ///
    /// # Errors
    /// `NotFound` if there is no such saga; `Conflict` if it has ended, or is being compensated.
    pub async fn compensate(&self, id: &SagaId, reason: &str) -> Result<SagaView> {
        self.request(id, Request::Compensate, reason).await
    }

    async fn request(&self, id: &SagaId, request: Request, reason: &str) -> Result<SagaView> {
        let operation = match request {
            Request::Resume => "resume",
            Request::Compensate => "compensate",
        };
        let entry = Entry::Requested {
            request,
            reason: clean_error_text(reason).into(),
        };
        loop {
            let saga = self.get(id).await?;
            let mut saga = saga.ok_or_else(|| no_such(id).operation(operation))?;
            let why_not = match (saga.status, request) {
                (SagaStatus::Completed, _) => Some("the saga is completed: nothing is left to do"),
                (SagaStatus::Compensated, _) => Some("the saga is compensated already"),
                (SagaStatus::Compensating, Request::Compensate) => {
                    Some("the saga is being compensated already")
                }
                _ => None,
            };
            if let Some(why_not) = why_not {
                let error = Error::new(ErrorKind::Conflict, why_not);
                return Err(error.operation(operation).with("saga", id));
            }
            let expected = Expected::Version(saga.journal_version);
            let entries = [entry.encode()?];
            if let Change::Made(_) = self.0.append(&log(id)?, expected, &entries).await? {
                saga.apply(&entry, saga.updated_at);
                return Ok(saga);
            }
        }
    }

    /// Removes the journals of sagas that ended at least so long ago; returns how many.
    ///
    /// # Errors
    /// As [`get`](Self::get). What was removed before stays so.
    pub async fn purge(&self, ended: Duration) -> Result<u64> {
        let prefix = KeyPrefix::new(JOURNALS)?;
        let (mut after, mut removed) = (None, 0);
        loop {
            let logs = self.0.logs(&prefix, after.as_ref(), BATCH).await?;
            for log in &logs {
                let version = self.0.version(log).await?;
                let last = self.0.read(log, version.saturating_sub(1), 1).await?;
                let Some(last) = last.first() else { continue };
                let entry = Entry::decode(&id_of(log)?, last)?;
                let age = SystemClock.now().since(last.at);
                if !matches!(entry, Entry::Completed | Entry::Compensated) || age < ended {
                    continue;
                }
                let _ = self.0.remove(&active(&id_of(log)?)?, Expected::Any).await?;
                let change = self.0.remove_log(log, Expected::Version(version)).await?;
                removed += u64::from(change.made().is_some());
            }
            after = logs.last().cloned();
            if logs.is_empty() {
                return Ok(removed);
            }
        }
    }
}

pub(super) fn no_such(id: &SagaId) -> Error {
    Error::new(ErrorKind::NotFound, "there is no saga of this id")
        .with("saga", id)
        .remedy("'glmsg saga list' shows which there are; those that ended are kept for a time")
}
