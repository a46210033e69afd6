//! Waiting until what was written is safe.

use std::time::Duration;

use glmsg_broker::Durability;
use glmsg_core::{Error, ErrorKind, Result};
use redis::{Pipeline, Value};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::flush::Flush;
use super::node::Node;
use super::send;
use super::{Inner, Replies};
use crate::error::closed;

/// How long to wait for replicas.
const REPLICAS: Duration = Duration::from_secs(1);
/// How long to wait for the disk. With `appendfsync everysec` it is flushed within two seconds.
const DISK: Duration = Duration::from_secs(3);

/// How safe a call is to be when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// The server has executed it.
    Answered,
    /// So many replicas have it.
    Replicas(u8),
    /// The disk has it.
    Disk,
}

/// What is sent after the commands to learn whether they are safe.
#[derive(Debug)]
pub(crate) struct Seal {
    pub(crate) tail: Pipeline,
    /// How long the connection is good for nothing else.
    pub(crate) blocks: Option<Duration>,
    wish: Wish,
    /// What holds if nothing needs to be asked.
    holds: bool,
}

/// Runs commands and waits until what they wrote is as safe as configured.
pub(super) async fn send(link: &Inner, slot: u16, commands: &Pipeline) -> Result<Replies> {
    let wish = match link.config.durability {
        Durability::Replicated(replicas) => Wish::Replicas(replicas),
        Durability::Fsynced => Wish::Disk,
        _ => Wish::Answered,
    };
    let _permit = match wish {
        Wish::Answered => None,
        _ => Some(permit(link).await?),
    };
    send::send(link, slot, commands, wish).await
}

/// Waits for one of a bounded number of connections.
async fn permit(link: &Inner) -> Result<SemaphorePermit<'_>> {
    match timeout(link.config.timeout, link.durable.acquire()).await {
        Ok(permit) => permit.map_err(|_| closed()),
        Err(_) => Err(Error::new(
            ErrorKind::Unavailable,
            "all connections that may wait for durability are in use",
        )
        .with("connections", link.config.connections)
        .remedy("raise connections, or publish more in one call")),
    }
}

/// Refuses servers that cannot do what the configuration wants.
///
/// # Errors
/// `ConfigInvalid`.
pub(super) fn check(link: &Inner) -> Result<()> {
    let mut nodes = link.nodes.all().into_iter();
    let Some(node) = nodes.find(|node| node.flush() == Some(Flush::Unknown)) else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::ConfigInvalid,
        "durability is fsynced, and the server does not say when its disk has what it stored",
    )
    .operation("open")
    .with("address", &node.address)
    .remedy(
        "set the server's appendonly to yes, and its appendfsync to always where it is older than \
         Redis 7.2; or use durability=local",
    ))
}

impl Wish {
    pub(super) fn seal(self, link: &Inner, node: &Node, slot: u16) -> Seal {
        let mut seal = Seal {
            tail: Pipeline::new(),
            blocks: None,
            wish: self,
            holds: true,
        };
        let mut wait = match (self, node.flush()) {
            (Self::Answered, _) | (Self::Disk, Some(Flush::Always)) => return seal,
            (Self::Disk, Some(Flush::Unknown)) => {
                // Another master than the one that was checked at the start.
                seal.holds = false;
                return seal;
            }
            (Self::Disk, _) => {
                seal.blocks = Some(DISK);
                let mut wait = redis::cmd("WAITAOF");
                wait.arg(1).arg(0);
                wait
            }
            (Self::Replicas(replicas), _) => {
                seal.blocks = Some(REPLICAS);
                let mut wait = redis::cmd("WAIT");
                wait.arg(replicas);
                wait
            }
        };
        let blocks = seal.blocks.unwrap_or_default();
        wait.arg(u64::try_from(blocks.as_millis()).unwrap_or(u64::MAX));
        let fence = link.fences.at(&link.config.namespace, slot);
        seal.tail.add_command(fence).add_command(wait);
        seal
    }
}

impl Seal {
    /// Reads the answers to the tail.
    pub(crate) fn is_reached(&self, answers: &[Value]) -> bool {
        if self.tail.is_empty() {
            return self.holds;
        }
        let [fence, wait] = answers else {
            return false;
        };
        if let Some(refusal) = [fence, wait].into_iter().find_map(refusal) {
            tracing::warn!(%refusal, "the server cannot say whether what it stored is safe");
            return false;
        }
        match (self.wish, wait) {
            (Wish::Replicas(wished), Value::Int(found)) => *found >= i64::from(wished),
            (Wish::Disk, Value::Array(found)) => matches!(found.first(), Some(Value::Int(1..))),
            _ => false,
        }
    }
}

fn refusal(answer: &Value) -> Option<Error> {
    match answer {
        Value::ServerError(refusal) => Some(crate::error::server_error(refusal)),
        _ => None,
    }
}
