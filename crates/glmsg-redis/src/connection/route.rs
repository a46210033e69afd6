//! Which server has a slot.

use std::collections::BTreeSet;

use glmsg_core::{Error, ErrorKind, Result};
use redis::Value;

use super::Inner;
use super::cluster::Cluster;
use super::sentinel::Sentinels;
use crate::config::{Address, RedisConfig, Server};
use crate::error::{server_error, surprise};

/// Which server has a slot.
#[derive(Debug)]
pub(super) enum Route {
    Single(Address),
    Sentinel(Sentinels),
    Cluster(Cluster),
}

impl Route {
    pub(super) fn new(config: &RedisConfig) -> Self {
        match &config.server {
            Server::Single(address) => Self::Single(address.clone()),
            Server::Sentinel {
                sentinels, master, ..
            } => Self::Sentinel(Sentinels::new(sentinels, master)),
            Server::Cluster { seeds } => Self::Cluster(Cluster::new(seeds)),
        }
    }

    /// The server that has a slot, as far as is known; asks if it is not, or is in doubt.
    pub(super) async fn owner(&self, link: &Inner, slot: u16) -> Result<Address> {
        match self {
            Self::Single(address) => Ok(address.clone()),
            Self::Sentinel(sentinels) => sentinels.master(link).await,
            Self::Cluster(cluster) => cluster.owner(link, slot).await,
        }
    }

    /// Every server that has slots.
    pub(super) async fn primaries(&self, link: &Inner) -> Result<BTreeSet<Address>> {
        match self {
            Self::Single(address) => Ok(BTreeSet::from([address.clone()])),
            Self::Sentinel(sentinels) => Ok(BTreeSet::from([sentinels.master(link).await?])),
            Self::Cluster(cluster) => cluster.primaries(link).await,
        }
    }

    /// Something went wrong with a server: ask again before the next use.
    pub(super) fn doubt(&self, server: &Address) {
        match self {
            Self::Single(_) => {}
            Self::Sentinel(sentinels) => sentinels.doubt(),
            Self::Cluster(cluster) => cluster.doubt(server),
        }
    }

    /// `true` if a server that is no master can only be left by connecting anew.
    pub(super) fn is_by_name(&self) -> bool {
        matches!(self, Self::Single(_))
    }

    /// The error of a call that was given up after a refusal that should have passed.
    pub(super) fn refusal(&self, refusal: Option<&Value>) -> Error {
        match (self, refusal) {
            (Self::Cluster(_), Some(Value::ServerError(refusal))) if refusal.code() == "MOVED" => {
                Error::new(
                    ErrorKind::Unavailable,
                    "the slot is on its way to another node",
                )
                .remedy("try again when the cluster is settled")
            }
            (_, Some(Value::ServerError(refusal))) => server_error(refusal),
            _ => surprise("a command"),
        }
    }

    /// A server said who has a slot now. `false` if this cannot be.
    pub(super) fn moved(&self, slot: u16, to: Address) -> bool {
        match self {
            Self::Cluster(cluster) => {
                cluster.moved(slot, to);
                true
            }
            Self::Single(_) | Self::Sentinel(_) => false,
        }
    }
}
