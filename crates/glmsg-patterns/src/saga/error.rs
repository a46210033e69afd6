//! How a saga ends.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;

use glmsg_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::context::decode;
use super::{SagaId, SagaView};

/// A saga whose steps are all done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SagaOutcome {
    /// Its identity.
    pub id: SagaId,
    /// What the steps returned, by their names.
    pub outputs: BTreeMap<String, Value>,
}

impl SagaOutcome {
    /// What a step returned.
    ///
    /// # Errors
    /// `NotFound` if the saga has no such step; `Codec` if its output is not a `T`.
    pub fn output<T: DeserializeOwned>(&self, step: &str) -> Result<T> {
        let output = self.outputs.get(step).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "the saga has no step of this name")
                .with("saga", &self.id)
                .with("step", step)
        })?;
        decode(output).map_err(|e| e.with("saga", &self.id).with("step", step))
    }
}

/// Why not all steps of a saga are done.
#[derive(Debug)]
#[non_exhaustive]
pub enum SagaError {
    /// A step failed, or the saga was cancelled or timed out; what was done is undone. The view has
    /// the reason, and how each compensation went.
    Compensated(Box<SagaView>),
    /// As before, and a compensation keeps failing. It stays so until somebody asks for it to be
    /// tried again.
    Parked(Box<SagaView>),
    /// No definition of this name and version is registered here. The saga is untouched.
    NotRegistered {
        /// The saga, if it has begun.
        id: Option<SagaId>,
        /// The name of its definition.
        name: String,
        /// The version of its definition; `None` if any would do.
        version: Option<u32>,
        /// The versions of that name that are registered.
        registered: Vec<u32>,
    },
    /// The runner is being stopped. The saga goes on elsewhere, or when a runner is there again.
    Stopped(SagaId),
    /// Anything else. A saga that has begun goes on when a runner finds it.
    Other(Error),
}

impl fmt::Display for SagaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = |saga: &SagaView| saga.reason.clone().unwrap_or_default();
        match self {
            Self::Compensated(saga) => {
                write!(f, "saga {} was compensated: {}", saga.id, reason(saga))
            }
            Self::Parked(saga) => write!(
                f,
                "saga {} is parked: {}; mend what keeps the compensation from working, then run \
                 'glmsg saga resume {}'",
                saga.id,
                reason(saga),
                saga.id
            ),
            Self::NotRegistered {
                id,
                name,
                version,
                registered,
            } => {
                if let Some(id) = id {
                    write!(f, "saga {id} cannot go on here: ")?;
                }
                write!(f, "no definition {name:?}")?;
                if let Some(version) = version {
                    write!(f, " of version {version}")?;
                }
                write!(f, " is registered")?;
                if !registered.is_empty() {
                    write!(f, ", only {registered:?}")?;
                }
                f.write_str("; register it with the runner, beside newer versions")
            }
            Self::Stopped(id) => write!(f, "the runner was stopped before saga {id} ended"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl StdError for SagaError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Other(error) => error.source(),
            _ => None,
        }
    }
}

impl From<Error> for SagaError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<SagaError> for Error {
    fn from(error: SagaError) -> Self {
        let kind = match &error {
            SagaError::Other(_) => ErrorKind::Unexpected,
            SagaError::Compensated(_) | SagaError::Parked(_) => ErrorKind::Conflict,
            SagaError::NotRegistered { .. } => ErrorKind::NotFound,
            SagaError::Stopped(_) => ErrorKind::Closed,
        };
        match error {
            SagaError::Other(error) => error,
            other => Self::new(kind, other.to_string()),
        }
    }
}
