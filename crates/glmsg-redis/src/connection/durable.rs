//! Waiting until what was written is safe.

use std::time::Duration;

use glmsg_broker::Durability;
use glmsg_core::{Error, ErrorKind, Result};
use redis::{Pipeline, Value};

use super::send::{self, Lane};
use super::{Inner, Replies};
use crate::error::server_error;

/// How long to wait for replicas.
const REPLICAS: Duration = Duration::from_secs(1);
/// How long to wait for the disk. With `appendfsync everysec` it is flushed within two seconds.
const DISK: Duration = Duration::from_secs(3);

/// Runs commands and waits for nothing but the answers.
pub(super) async fn send_plainly(link: &Inner, slot: u16, commands: &Pipeline) -> Result<Replies> {
    let judge = |_: &[Value]| Ok(true);
    send::send(link, slot, commands, Pipeline::new(), Lane::Shared, judge).await
}

/// Runs commands and waits until what they wrote is as safe as configured.
pub(super) async fn send(link: &Inner, slot: u16, commands: &Pipeline) -> Result<Replies> {
    let (blocks, wait) = match link.config.durability {
        Durability::Replicated(replicas) => {
            let mut wait = redis::cmd("WAIT");
            wait.arg(replicas).arg(millis(REPLICAS));
            (REPLICAS, wait)
        }
        Durability::Fsynced => {
            let mut wait = redis::cmd("WAITAOF");
            wait.arg(1).arg(0).arg(millis(DISK));
            (DISK, wait)
        }
        _ => return send_plainly(link, slot, commands).await,
    };
    let mut tail = Pipeline::with_capacity(2);
    tail.add_command(link.fences.at(&link.config.namespace, slot));
    tail.add_command(wait);
    let lane = Lane::Own { blocks };
    let _permit = link.permit(&link.durable, link.config.timeout).await?;
    let judge = |answers: &[Value]| is_reached(link.config.durability, answers);
    send::send(link, slot, commands, tail, lane, judge).await
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reads the answers to the fence and to the wait.
fn is_reached(wished: Durability, answers: &[Value]) -> Result<bool> {
    let [fence, wait] = answers else {
        return Ok(false);
    };
    if matches!(fence, Value::ServerError(_)) {
        return Ok(false);
    }
    match (wished, wait) {
        (Durability::Replicated(wished), Value::Int(found)) => Ok(*found >= i64::from(wished)),
        (Durability::Fsynced, Value::Array(found)) => {
            Ok(matches!(found.first(), Some(Value::Int(1..))))
        }
        (_, Value::ServerError(refusal)) => Err(Error::new(
            ErrorKind::Indeterminate,
            "the server executed the commands and cannot say whether they are safe",
        )
        .source(server_error(refusal))),
        _ => Ok(false),
    }
}
