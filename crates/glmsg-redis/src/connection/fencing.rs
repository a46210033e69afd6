//! Making sure that what was sent on a connection that broke is done now or never.

use glmsg_core::{ErrorKind, Result};
use redis::{Pipeline, Value};
use tokio::time::{Instant, sleep, timeout_at};

use super::Inner;
use super::backoff::Backoff;
use super::direct::ClientName;
use crate::error::{server_error, silent};

/// Has the server that has a slot end the connections on which it owed an answer to what must not
/// be done twice. Its bytes may still wait there, and would be executed after whatever is sent
/// next.
///
/// # Errors
/// Of the connection, if the server could not be told within the configured time.
pub(super) async fn end_lost(link: &Inner, slot: u16) -> Result<()> {
    let deadline = Instant::now() + link.config.timeout;
    let mut backoff = Backoff::default();
    loop {
        link.check_open()?;
        let error = match timeout_at(deadline, try_end(link, slot)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => silent(true),
        };
        let pause = backoff.next();
        let is_over = Instant::now() + pause >= deadline;
        match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Indeterminate if !is_over => sleep(pause).await,
            _ => return Err(error),
        }
    }
}

async fn try_end(link: &Inner, slot: u16) -> Result<()> {
    let owner = link.route.owner(link, slot).await?;
    let node = link.nodes.at(&owner);
    let lost = node.unended();
    if lost.is_empty() {
        return Ok(());
    }
    let wire = node.wire(link).await;
    let wire = wire.inspect_err(|_| link.route.doubt(&owner))?;
    let mut commands = Pipeline::with_capacity(lost.len());
    for ClientName { id, address } in &lost {
        let kill = commands.cmd("CLIENT").arg("KILL").arg("ID").arg(*id);
        kill.arg("ADDR").arg(address);
    }
    let answers = wire.request_watched(&commands, super::direct::PATIENCE);
    for answer in answers.await? {
        if let Value::ServerError(refusal) = answer {
            return Err(server_error(&refusal));
        }
    }
    node.forget_unended(&lost);
    Ok(())
}
