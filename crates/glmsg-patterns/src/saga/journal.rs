//! What is written down of a saga.

use bytes::Bytes;
use glmsg_broker::{BoxStorage, Record, Storage, StorageKey};
use glmsg_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SagaId, SagaView};

pub(super) const JOURNALS: &str = "saga/journal/";
pub(super) const ACTIVE: &str = "saga/active/";
/// How many entries are read at once.
const BATCH: usize = 500;

/// What an operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Request {
    Resume,
    Compensate,
}

/// One entry of a journal, as JSON in one record of its log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub(super) enum Entry {
    Started {
        name: String,
        version: u32,
        input: Value,
        steps: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        deadline_us: Option<i64>,
    },
    /// Whoever claims a saga is its owner until the next claim. The version of this entry is the
    /// fencing token.
    Claimed {
        owner: String,
    },
    StepStarted {
        step: String,
        attempt: u32,
    },
    StepDone {
        step: String,
        output: Value,
    },
    StepFailed {
        step: String,
        attempt: u32,
        error: String,
        /// It did not say so itself: it may have done something.
        in_doubt: bool,
        /// Without, it is not tried again.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_at_us: Option<i64>,
    },
    Compensating {
        reason: String,
    },
    CompensationStarted {
        step: String,
        attempt: u32,
    },
    CompensationDone {
        step: String,
    },
    CompensationFailed {
        step: String,
        attempt: u32,
        error: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_at_us: Option<i64>,
    },
    Parked {
        step: String,
        error: String,
    },
    Requested {
        request: Request,
        reason: String,
    },
    Completed,
    Compensated,
}

impl Entry {
    pub(super) fn encode(&self) -> Result<Bytes> {
        serde_json::to_vec(self)
            .map(Bytes::from)
            .map_err(|e| Error::new(ErrorKind::Codec, "the entry cannot be JSON").source(e))
    }

    pub(super) fn decode(id: &SagaId, record: &Record) -> Result<Self> {
        serde_json::from_slice(&record.data).map_err(|e| {
            Error::new(ErrorKind::Codec, "an entry of the journal cannot be read")
                .with("saga", id)
                .with("entry", record.version)
                .remedy("it is damaged, or of a newer version of glmsg")
                .source(e)
        })
    }
}

/// The log that holds a saga's journal.
pub(super) fn log(id: &SagaId) -> Result<StorageKey> {
    StorageKey::new(format!("{JOURNALS}{id}"))
}

/// The value that is there as long as a saga is not finished.
pub(super) fn active(id: &SagaId) -> Result<StorageKey> {
    StorageKey::new(format!("{ACTIVE}{id}"))
}

/// The id in a key.
pub(super) fn id_of(key: &StorageKey) -> Result<SagaId> {
    SagaId::new(key.as_str().rsplit('/').next().unwrap_or_default())
}

/// All records of a saga's journal.
pub(super) async fn records(storage: &BoxStorage, id: &SagaId) -> Result<Vec<Record>> {
    let log = log(id)?;
    let mut records: Vec<Record> = Vec::new();
    loop {
        let after = records.last().map_or(0, |record| record.version);
        let next = storage.read(&log, after, BATCH).await?;
        if next.is_empty() {
            return Ok(records);
        }
        records.extend(next);
    }
}

/// How far a saga has come; `None` if there is none of this id.
pub(super) async fn view(storage: &BoxStorage, id: &SagaId) -> Result<Option<SagaView>> {
    let records = records(storage, id).await?;
    let Some((first, rest)) = records.split_first() else {
        return Ok(None);
    };
    let begun = SagaView::begin(id.clone(), Entry::decode(id, first)?, first.at);
    let mut view = begun.ok_or_else(|| {
        Error::new(ErrorKind::Codec, "the journal does not begin with a start").with("saga", id)
    })?;
    for record in rest {
        view.apply(&Entry::decode(id, record)?, record.at);
    }
    Ok(Some(view))
}

/// Takes in what the journal has more than the view.
pub(super) async fn sync(storage: &BoxStorage, view: &mut SagaView) -> Result<()> {
    let log = log(&view.id)?;
    loop {
        let records = storage.read(&log, view.journal_version, BATCH).await?;
        if records.is_empty() {
            return Ok(());
        }
        for record in records {
            view.apply(&Entry::decode(&view.id, &record)?, record.at);
        }
    }
}
