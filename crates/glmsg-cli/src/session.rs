//! What every command has at hand: the broker's address, how to print, where progress goes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use glmsg::tracing::TracingLayer;
use glmsg::{Broker, ErrorKind, Finding, Layer};

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::preferences::Preferences;
use crate::progress::Progress;
use crate::waiting::{Unanswered, Waiting};

/// The broker that is used when none is named.
pub(crate) const DEFAULT_BROKER: &str = "sqlite:glmsg.db";

/// The settings of one run. It does not implement `Debug`: the address may hold a password.
pub(crate) struct Session {
    /// What commands do where their options do not say.
    pub(crate) preferences: Preferences,
    /// Print for programs.
    pub(crate) json: bool,
    /// Say only what was asked for, and what went wrong.
    pub(crate) quiet: bool,
    pub(crate) out: Output,
    pub(crate) progress: Progress,
    /// Around the broker, where log lines or spans are asked for.
    layer: Option<TracingLayer>,
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
    pub(crate) fn new(
        preferences: Preferences,
        json: bool,
        quiet: bool,
        layer: Option<TracingLayer>,
    ) -> Self {
        Self {
            preferences,
            json,
            quiet,
            out: Output::new(),
            progress: Progress::new(quiet),
            layer,
        }
    }

    /// The address, if one was given.
    pub(crate) fn given_broker(&self) -> Option<&str> {
        self.preferences.broker.as_deref()
    }

    /// The address, or the one that is used without.
    fn url(&self) -> &str {
        self.preferences.broker.as_deref().unwrap_or(DEFAULT_BROKER)
    }

    /// The address as it may be shown.
    pub(crate) fn place(&self) -> String {
        shown(self.url())
    }

    /// To wait for the broker up to a limit, or until the first signal.
    pub(crate) fn waiting(&self, limit: Duration, interrupt: &Interrupt) -> Waiting {
        let (progress, finish) = (self.progress.clone(), interrupt.finish.clone());
        Waiting::new(self.place(), limit, progress, finish)
    }

    /// Opens the broker, creating it where that is for us to do, and waits for it where it does
    /// not answer. `Interrupted` if the user would not wait.
    pub(crate) async fn connect_waiting(
        &self,
        waiting: &mut Waiting,
    ) -> Result<Arc<dyn Broker>, Unanswered> {
        let opened = waiting.ride("open", async || self.open().await);
        Ok(opened.await?.value)
    }

    /// Whether there is a broker's file, where it must be there.
    pub(crate) fn check(&self, access: Access) -> Result<(), Failure> {
        match access {
            Access::Existing => refuse_missing_file(self.url()),
            Access::Create => Ok(()),
        }
    }

    /// Opens the broker.
    pub(crate) async fn connect(&self, access: Access) -> Result<Arc<dyn Broker>, Failure> {
        self.check(access)?;
        self.open().await.map_err(|e| unopened(&e))
    }

    /// Opens the broker as the settings say, which may refuse it.
    async fn open(&self) -> glmsg::Result<Arc<dyn Broker>> {
        let broker = self.open_bare().await?;
        Ok(match &self.layer {
            Some(layer) => layer.layer(broker),
            None => broker,
        })
    }

    async fn open_bare(&self) -> glmsg::Result<Arc<dyn Broker>> {
        #[cfg(feature = "config")]
        if let Some(settings) = &self.preferences.settings {
            return glmsg::connect_with(settings).await;
        }
        glmsg::connect(self.url()).await
    }

    /// How the broker is set up, as far as it is there.
    pub(crate) async fn doctor(&self) -> Result<Vec<Finding>, Failure> {
        refuse_missing_file(self.url())?;
        glmsg::doctor(self.url()).await.map_err(|e| unopened(&e))
    }

    /// Finishes: what was accepted is stored, what was printed is out.
    pub(crate) async fn close(&mut self, broker: &Arc<dyn Broker>) -> Result<(), Failure> {
        self.out.flush()?;
        Ok(broker.close().await?)
    }
}

/// Opens a broker by its address. An address that makes no sense is a usage error.
pub(crate) async fn connect(url: &str) -> Result<Arc<dyn Broker>, Failure> {
    glmsg::connect(url).await.map_err(|e| unopened(&e))
}

/// Why a broker could not be opened. An address that makes no sense is a usage error.
pub(crate) fn unopened(error: &glmsg::Error) -> Failure {
    match error.kind() {
        ErrorKind::ConfigInvalid | ErrorKind::InvalidArgument | ErrorKind::Unsupported => {
            Failure::usage(error.to_string())
        }
        _ => Failure::failed(error.to_string()),
    }
}

/// An address without what may hold a password: the login before the host, and the settings. It
/// may be one that makes no sense, with a login where none belongs.
fn shown(url: &str) -> String {
    let (place, settings) = url.split_once('?').unwrap_or((url, ""));
    // The name of a file may have an @.
    if place.starts_with("sqlite:") && !place.contains("://") {
        return place.to_owned();
    }
    // A login that was not encoded may hold any of these characters; the last @ ends it. One behind
    // a ? is that of a login or of a password in the settings, and nobody knows which.
    let after_login = |text: &str| match settings.contains('@') {
        true => "***".to_owned(),
        false => text.rsplit('@').next().unwrap_or_default().to_owned(),
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '+';
    match place.split_once("://") {
        Some((scheme, rest)) if scheme.chars().all(is_word) => {
            format!("{scheme}://{}", after_login(rest))
        }
        // What stands before a second colon, or an @, is no scheme.
        Some((_, rest)) => after_login(rest),
        None if url.contains('@') => after_login(place),
        None => place.to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_login_and_settings() {
        for (url, place) in [
            ("sqlite:glmsg.db?max_len=5", "sqlite:glmsg.db"),
            ("redis://h:1/2?namespace=n", "redis://h:1/2"),
            ("redis://u:c4n4ry@h:1", "redis://h:1"),
            ("redis://u:c4n4ry@sh/y@h:1?name=n", "redis://h:1"),
            ("redis://u:c4n4ry@sh?x/y@h:1?name=n", "redis://***"),
            ("redis://h:1?sentinel_password=c4n4ry@sh", "redis://***"),
            ("sqlite:jobs@night.db?max_len=5", "sqlite:jobs@night.db"),
            ("memory:", "memory:"),
            // No addresses, and with a login nevertheless.
            ("redis:u:c4n4ry@h", "h"),
            ("redis:/u:c4n4ry@h:1/2", "h:1/2"),
            ("u:c4n4ry@h", "h"),
            ("u:c4n4ry@redis://h", "h"),
            ("redis:u:c4n4ry://h", "h"),
            (
                "rediss+sentinel://:c4n4ry@a:1,b:2/main?sentinel_password=c4n4ry",
                "rediss+sentinel://a:1,b:2/main",
            ),
        ] {
            assert_eq!(shown(url), place);
        }
    }
}
