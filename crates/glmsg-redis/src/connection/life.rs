//! Whether a server is still the one it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use glmsg_core::{Error, ErrorKind, Result};
use redis::{Pipeline, Value};

use super::wire::Wire;
use super::{Inner, Link};
use crate::config::Address;
use crate::error::server_error;

/// A server for as long as a connection to it holds. What it acknowledged in that time it still has; when it was killed,
/// or another took its place, the connection is another.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    address: Address,
    wire: Weak<Wire>,
    /// How much it has written, in the count of replication; `None` if it does not tell.
    pub(crate) written: Option<u64>,
    /// How much of that the replica has which has most; `None` without one.
    pub(crate) replicated: Option<u64>,
}

impl Life {
    /// Whether it is the same server, and has been all the time.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.address == other.address && Weak::ptr_eq(&self.wire, &other.wire)
    }

    fn new(wire: &Arc<Wire>) -> Self {
        Self {
            address: wire.address.clone(),
            wire: Arc::downgrade(wire),
            written: None,
            replicated: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn of_test(written: u64, replicated: Option<u64>) -> Self {
        Self {
            address: Address::new("h", 1),
            wire: Weak::new(),
            written: Some(written),
            replicated,
        }
    }
}

impl Link {
    /// All servers that have slots, as they are now.
    pub(crate) async fn all_lives(&self) -> Result<Vec<Life>> {
        let servers = self.nodes().await?;
        Ok(servers.iter().map(|one| Life::new(one.wire())).collect())
    }

    /// Asks the servers that have these slots for a sign of life. Those that give none are left out.
    pub(crate) async fn lives(&self, slots: BTreeSet<u16>) -> BTreeMap<u16, Life> {
        let link = &*self.0;
        let mut asked: BTreeMap<Address, Option<Life>> = BTreeMap::new();
        let mut found = BTreeMap::new();
        for slot in slots {
            let Ok(owner) = link.route.owner(link, slot).await else {
                continue;
            };
            if !asked.contains_key(&owner) {
                let life = ask(link, &owner).await;
                let life = life.inspect_err(|error| {
                    tracing::debug!(address = %owner, %error, "no sign of life");
                    link.route.doubt(&owner);
                });
                asked.insert(owner.clone(), life.ok());
            }
            if let Some(Some(life)) = asked.get(&owner) {
                found.insert(slot, life.clone());
            }
        }
        found
    }
}

async fn ask(link: &Inner, address: &Address) -> Result<Life> {
    link.check_open()?;
    let wire = link.nodes.at(address).wire(link).await?;
    let mut question = Pipeline::new();
    question.cmd("ROLE");
    let answers = wire.request_watched(&question, super::direct::PATIENCE);
    let answers = answers.await?;
    let mut life = Life::new(&wire);
    match answers.first() {
        // Not for us to know; that it answers is enough.
        Some(Value::ServerError(refusal)) if refusal.code() == "NOPERM" => {}
        Some(Value::ServerError(refusal)) => return Err(server_error(refusal)),
        Some(Value::Array(parts)) => read(parts, &mut life)?,
        _ => {}
    }
    Ok(life)
}

/// Reads `master`, what it has written, and for each replica its host, its port and what it has.
fn read(parts: &[Value], life: &mut Life) -> Result<(), Error> {
    let [Value::BulkString(role), rest @ ..] = parts else {
        return Ok(());
    };
    if role != b"master" {
        return Err(Error::new(ErrorKind::Unavailable, "it is no master now"));
    }
    let [written, Value::Array(replicas), ..] = rest else {
        return Ok(());
    };
    life.written = number(written);
    let each = replicas.iter().filter_map(|replica| match replica {
        Value::Array(parts) => parts.get(2).and_then(number),
        _ => None,
    });
    life.replicated = each.max();
    Ok(())
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::BulkString(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn the_replica_that_has_most_counts() {
        let replica = |has| Value::Array(vec![text("::1"), text("1"), text(has)]);
        let role = |replicas| {
            let mut life = Life::of_test(0, None);
            let parts = [text("master"), Value::Int(9), Value::Array(replicas)];
            read(&parts, &mut life).map(|()| (life.written, life.replicated))
        };
        let both = role(vec![replica("7"), replica("5")]).unwrap();
        assert_eq!(both, (Some(9), Some(7)));
        assert_eq!(role(vec![]).unwrap(), (Some(9), None));
    }
}
