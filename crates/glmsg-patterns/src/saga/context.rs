//! What a step is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use glmsg_core::codec::{Codec, Json};
use glmsg_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::SagaId;

/// What a step or a compensation is told when it runs.
#[derive(Debug, Clone)]
pub struct StepContext {
    pub(super) saga: SagaId,
    pub(super) step: Arc<str>,
    pub(super) is_undo: bool,
    pub(super) attempt: u32,
    pub(super) fence: u64,
    pub(super) input: Arc<Value>,
    pub(super) outputs: Arc<BTreeMap<String, Value>>,
}

impl StepContext {
    /// Which saga.
    pub fn saga_id(&self) -> &SagaId {
        &self.saga
    }

    /// Which step.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Which attempt this is, from 1, those that were cut off included.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The same for every attempt at this step of this saga, and for nothing else; another one for
    /// its compensation. A step runs at least once: give this to what it calls, so that a second
    /// call does nothing.
    pub fn idempotency_key(&self) -> String {
        let undo = if self.is_undo { "/undo" } else { "" };
        format!("{}/{}{undo}", self.saga, self.step)
    }

    /// The fencing token: greater for each owner that the saga has had. An owner that was stopped
    /// and wakes up after another took over still has its old one; whatever remembers the greatest
    /// it has seen for a saga, and refuses smaller ones, shuts it out.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// What the saga was started with.
    ///
    /// # Errors
    /// `Codec` if it is not a `T`.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.input).map_err(|e| e.with("saga", &self.saga).with("of", "the input"))
    }

    /// What an earlier step returned.
    ///
    /// # Errors
    /// `NotFound` if no step of that name has been done; `Codec` if its output is not a `T`.
    pub fn output<T: DeserializeOwned>(&self, step: &str) -> Result<T> {
        let Some(output) = self.outputs.get(step) else {
            return Err(
                Error::new(ErrorKind::NotFound, "no earlier step of this name is done")
                    .with("saga", &self.saga)
                    .with("step", step),
            );
        };
        decode(output).map_err(|e| e.with("saga", &self.saga).with("step", step))
    }
}

/// A value as it stands in the journal.
pub(super) fn encode<T: serde::Serialize + ?Sized>(value: &T) -> Result<Value> {
    let bytes = Json.encode(value)?;
    Json.decode(&bytes)
}

/// The value of what stands in the journal.
pub(super) fn decode<T: DeserializeOwned>(value: &Value) -> Result<T> {
    Json.decode(&Json.encode(value)?)
}
