//! What every command has at hand: the broker's address, how to print, where progress goes.

use std::path::Path;
use std::sync::Arc;

use glmsg::{Broker, ErrorKind};

use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;

/// The broker that is used when none is named.
pub(crate) const DEFAULT_BROKER: &str = "sqlite:glmsg.db";

/// The settings of one run. It does not implement `Debug`: the address may hold a password.
pub(crate) struct Session {
    broker: Option<String>,
    /// Print for programs.
    pub(crate) json: bool,
    /// Say only what was asked for, and what went wrong.
    pub(crate) quiet: bool,
    pub(crate) out: Output,
    pub(crate) progress: Progress,
}

/// Whether a command may bring a broker's file into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It stores something, or waits for something to be stored.
    Create,
    /// It looks at what is there: an address with nothing behind it is a mistake.
    Existing,
}

impl Session {
    pub(crate) fn new(broker: Option<String>, json: bool, quiet: bool) -> Self {
        Self {
            broker,
            json,
            quiet,
            out: Output::new(),
            progress: Progress::new(quiet),
        }
    }

    /// The address, if one was given.
    pub(crate) fn given_broker(&self) -> Option<&str> {
        self.broker.as_deref()
    }

    /// Opens the broker.
    pub(crate) async fn connect(&self, access: Access) -> Result<Arc<dyn Broker>, Failure> {
        let url = self.broker.as_deref().unwrap_or(DEFAULT_BROKER);
        if access == Access::Existing {
            refuse_missing_file(url)?;
        }
        connect(url).await
    }

    /// Finishes: what was accepted is stored, what was printed is out.
    pub(crate) async fn close(&mut self, broker: &Arc<dyn Broker>) -> Result<(), Failure> {
        self.out.flush()?;
        Ok(broker.close().await?)
    }
}

/// Opens a broker by its address. An address that makes no sense is a usage error.
pub(crate) async fn connect(url: &str) -> Result<Arc<dyn Broker>, Failure> {
    glmsg::connect(url).await.map_err(|e| match e.kind() {
        ErrorKind::ConfigInvalid | ErrorKind::InvalidArgument | ErrorKind::Unsupported => {
            Failure::usage(e.to_string())
        }
        _ => Failure::from(e),
    })
}

/// A command that only looks must not leave an empty database where somebody mistyped a path.
fn refuse_missing_file(url: &str) -> Result<(), Failure> {
    let Some(path) = url.strip_prefix("sqlite:") else {
        return Ok(());
    };
    let path = path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains('%') {
        return Ok(());
    }
    match Path::new(path).try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::failed(format!(
            "there is no broker at sqlite:{path}; is the path right? Publish something first, or \
             name another with --broker"
        ))),
        // What cannot be looked at may well be there: whoever believes it is not makes a second.
        Err(e) => Err(Failure::failed(format!(
            "cannot see whether there is a broker at sqlite:{path}: {e}"
        ))),
    }
}
