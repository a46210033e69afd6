//! Why a command ended without doing its work.

use std::fmt;
use std::process::ExitCode;

/// What every step of this tool returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// The two ways to end badly, kept apart because they leave with different exit codes.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line made no sense: exit code 2.
    Usage(String),
    /// A step ran and failed, or could not run: exit code 1.
    Failed(String),
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}
