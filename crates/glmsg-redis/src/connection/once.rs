//! Sending what must not be done twice, and need not be done.

use std::time::Duration;

use glmsg_core::Result;
use redis::{Pipeline, Value};
use tokio::time::{Instant, sleep, timeout_at};

use super::backoff::Backoff;
use super::verdict::Verdict;
use super::{Inner, Link};
use crate::error::silent;

/// How long a server may be silent before it is asked whether it is there.
const PATIENCE: Duration = Duration::from_secs(2);

impl Link {
    /// Runs commands at the server that has a slot, each at most once: tries until they are sent,
    /// and not again where the answer is lost.
    pub(crate) async fn send_once(&self, slot: u16, commands: &Pipeline) -> Result<Vec<Value>> {
        let link = &*self.0;
        let deadline = Instant::now() + link.config.timeout;
        let mut backoff = Backoff::default();
        loop {
            link.check_open()?;
            let mut is_sent = false;
            let attempt = attempt(link, slot, commands, &mut is_sent);
            let error = match timeout_at(deadline, attempt).await {
                Ok(Ok(answers)) => return Ok(answers),
                Ok(Err(error)) if error.is_transient() && !is_sent => error,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(silent(is_sent)),
            };
            let pause = backoff.next();
            if Instant::now() + pause >= deadline {
                return Err(error);
            }
            sleep(pause).await;
        }
    }
}

async fn attempt(
    link: &Inner,
    slot: u16,
    commands: &Pipeline,
    is_sent: &mut bool,
) -> Result<Vec<Value>> {
    let owner = link.route.owner(link, slot).await?;
    let node = link.nodes.at(&owner);
    let wire = node.wire(link).await;
    let wire = wire.inspect_err(|_| link.route.doubt(&owner))?;
    *is_sent = true;
    let answers = wire.request_watched(commands, PATIENCE).await;
    let answers = answers.inspect_err(|_| link.route.doubt(&owner))?;
    let refused = |answer| !matches!(Verdict::of(answer, &owner), Verdict::Done);
    if answers.iter().all(refused) {
        *is_sent = false;
        link.route.doubt(&owner);
        return Err(link.route.refusal(answers.first()));
    }
    Ok(answers)
}
