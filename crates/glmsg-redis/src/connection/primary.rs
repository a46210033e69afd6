//! A server as health checks and listings see it.

use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{Error, Result};
use redis::{Pipeline, Value};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Inner;
use super::backoff::Backoff;
use super::wire::Wire;
use crate::error::silent;

/// A server that has slots, connected.
#[derive(Debug, Clone)]
pub(crate) struct Primary {
    /// `host:port`.
    pub(crate) address: String,
    wire: Arc<Wire>,
}

impl Primary {
    /// The connection to it.
    pub(super) fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// Asks it something that changes nothing. One try.
    pub(crate) async fn ask(&self, commands: &Pipeline, within: Duration) -> Result<Vec<Value>> {
        let answers = timeout(within, self.wire.ask(commands)).await;
        answers.unwrap_or_else(|_| Err(silent(false)))
    }
}

/// Every server that has slots. Tried until the configured time is over.
pub(super) async fn all(link: &Inner) -> Result<Vec<Primary>> {
    let deadline = Instant::now() + link.config.timeout;
    let mut backoff = Backoff::default();
    let mut failure = None;
    loop {
        link.check_open()?;
        let error = match timeout_at(deadline, connect(link)).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => error,
            Err(_) => return Err(failure.unwrap_or_else(|| silent(false))),
        };
        let pause = backoff.next();
        if !error.is_transient() || Instant::now() + pause >= deadline {
            return Err(error);
        }
        failure = Some(error);
        sleep(pause).await;
    }
}

async fn connect(link: &Inner) -> Result<Vec<Primary>, Error> {
    let mut found = Vec::new();
    for address in link.route.primaries(link).await? {
        let wire = link.nodes.at(&address).wire(link).await;
        let wire = wire.inspect_err(|_| link.route.doubt(&address))?;
        found.push(Primary {
            address: address.to_string(),
            wire,
        });
    }
    Ok(found)
}
