//! Where a saga stands.

use std::fmt;
use std::str::FromStr;

use glmsg_core::{Error, ErrorKind, Result};

/// Where a saga stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SagaStatus {
    /// Its steps are being done.
    Running,
    /// What was done is being undone.
    Compensating,
    /// A compensation keeps failing: somebody has to look.
    Parked,
    /// All steps are done.
    Completed,
    /// What was done is undone.
    Compensated,
}

impl SagaStatus {
    /// The name, as printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Parked => "parked",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
        }
    }

    /// Whether nothing more happens, ever.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated)
    }
}

impl fmt::Display for SagaStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SagaStatus {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        [
            Self::Running,
            Self::Compensating,
            Self::Parked,
            Self::Completed,
            Self::Compensated,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "not the status of a saga")
                .with("got", format!("{text:?}"))
                .remedy("write running, compensating, parked, completed or compensated")
        })
    }
}
