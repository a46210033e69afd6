//! How far a step has come, as the journal tells.

use std::fmt;

use glmsg_core::Timestamp;
use serde_json::Value;

use super::journal::Entry;

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepStatus {
    /// It has not begun.
    Pending,
    /// An attempt has begun, and its end is not in the journal.
    Running,
    /// The last attempt failed.
    Failed,
    /// It is done.
    Done,
    /// It is being undone.
    Compensating,
    /// It is undone.
    Compensated,
}

impl StepStatus {
    /// The name, as printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Done => "done",
            Self::Compensating => "compensating",
            Self::Compensated => "compensated",
        }
    }
}

impl fmt::Display for StepStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a step has come.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepView {
    /// Its name.
    pub name: String,
    /// How often it has begun.
    pub attempts: u32,
    /// What it returned.
    pub output: Option<Value>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Whether an attempt ended without saying whether it did anything.
    pub is_in_doubt: bool,
    /// How often its compensation has begun, since somebody last asked for it.
    pub compensation_attempts: u32,
    /// Why the compensation failed last.
    pub compensation_error: Option<String>,
    /// Whether it is undone.
    pub is_compensated: bool,
    /// An attempt has begun, and has not ended.
    pub(super) is_open: bool,
    /// The last attempt was the last one.
    pub(super) has_failed: bool,
    pub(super) is_undo_open: bool,
    /// The last attempt to undo it was the last one.
    pub(super) has_undo_failed: bool,
    pub(super) retry_at: Option<Timestamp>,
}

impl StepView {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            attempts: 0,
            output: None,
            error: None,
            is_in_doubt: false,
            compensation_attempts: 0,
            compensation_error: None,
            is_compensated: false,
            is_open: false,
            has_failed: false,
            is_undo_open: false,
            has_undo_failed: false,
            retry_at: None,
        }
    }

    /// Where it stands.
    pub fn status(&self) -> StepStatus {
        if self.is_compensated {
            StepStatus::Compensated
        } else if self.compensation_attempts > 0 || self.compensation_error.is_some() {
            StepStatus::Compensating
        } else if self.output.is_some() {
            StepStatus::Done
        } else if self.is_open {
            StepStatus::Running
        } else if self.error.is_some() {
            StepStatus::Failed
        } else {
            StepStatus::Pending
        }
    }

    /// Whether it did something, or may have, that is not undone.
    pub(super) fn stands(&self) -> bool {
        !self.is_compensated && (self.output.is_some() || self.is_in_doubt || self.is_open)
    }
}

impl StepView {
    /// Takes in an entry that is about it.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let time = |at: &Option<i64>| at.map(Timestamp::from_micros);
        match entry {
            Entry::StepStarted { attempt, .. } => {
                // The attempt before has begun, and nobody has said how it ended.
                self.is_in_doubt |= self.is_open;
                self.is_open = true;
                self.attempts = *attempt;
                self.retry_at = None;
            }
            Entry::StepDone { output, .. } => {
                self.is_open = false;
                self.is_in_doubt = false;
                self.error = None;
                self.output = Some(output.clone());
            }
            Entry::StepFailed {
                error,
                in_doubt,
                retry_at_us,
                ..
            } => {
                self.is_open = false;
                self.is_in_doubt |= *in_doubt;
                self.error = Some(error.clone());
                self.retry_at = time(retry_at_us);
                self.has_failed = retry_at_us.is_none();
            }
            Entry::CompensationStarted { attempt, .. } => {
                self.is_undo_open = true;
                self.compensation_attempts = *attempt;
                self.retry_at = None;
            }
            Entry::CompensationDone { .. } => {
                self.is_undo_open = false;
                self.is_compensated = true;
            }
            Entry::CompensationFailed {
                error, retry_at_us, ..
            } => {
                self.is_undo_open = false;
                self.compensation_error = Some(error.clone());
                self.retry_at = time(retry_at_us);
                self.has_undo_failed = retry_at_us.is_none();
            }
            _ => {}
        }
    }
}
