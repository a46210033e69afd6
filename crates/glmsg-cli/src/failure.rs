//! How a command fails: one line on stderr, and an exit code.

use std::fmt;
use std::process::ExitCode;

use crate::remark::{self, Level};

/// Exit code of a command that did not do all it was asked to.
const FAILED: u8 = 1;
/// Exit code of a command line that makes no sense.
const USAGE: u8 = 2;

/// Why a command ends without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done.
    Failed(String),
    /// It was asked for in a way that makes no sense.
    Usage(String),
    /// It failed, and what was wrong has been said already.
    Reported,
    /// Whoever read stdout has gone: the work ends, and there is nothing to say.
    PipeClosed,
}

impl Failure {
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// Prints the one line, and says the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Failed(text) => {
                say(text);
                ExitCode::from(FAILED)
            }
            Self::Usage(text) => {
                say(text);
                ExitCode::from(USAGE)
            }
            Self::Reported => ExitCode::from(FAILED),
            Self::PipeClosed => ExitCode::SUCCESS,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) | Self::Usage(text) => f.write_str(text),
            Self::Reported => f.write_str("it failed"),
            Self::PipeClosed => f.write_str("the reader of the output has gone"),
        }
    }
}

impl From<glmsg::Error> for Failure {
    fn from(error: glmsg::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Prints one line of ours on stderr.
pub(crate) fn say(text: &str) {
    remark::write(Level::Error, text);
}

/// A defect of ours ends like any failure: one line, exit code 1.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.payload();
        let what = what
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| what.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no text");
        let place = panic
            .location()
            .map(|l| format!(" at {}:{}", l.file(), l.line()))
            .unwrap_or_default();
        say(&format!("internal error{place}: {what}; please report it"));
        std::process::exit(i32::from(FAILED));
    }));
}
