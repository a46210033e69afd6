//! The map of a cluster.

mod map;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use redis::{Pipeline, Value};
use tokio::time::{Instant, timeout};

use self::map::SlotMap;
use super::Inner;
use super::apart::apart;
use super::route::Route;
use crate::config::Address;
use crate::error::{server_error, silent};

/// How long a node may take to answer before the next one is asked.
const ANSWER: Duration = Duration::from_secs(1);
/// While a slot moves, many answers say so: asking for the map once in this time is enough.
const PAUSE: Duration = Duration::from_millis(100);

/// A cluster: where its slots are, as far as is known.
#[derive(Debug)]
pub(super) struct Cluster {
    seeds: Vec<Address>,
    known: Mutex<Known>,
    /// Held while asking, so that many callers ask once. Only by tasks that go on apart from them.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    map: SlotMap,
    asked_at: Option<Instant>,
    in_doubt: bool,
    /// Who is not to be asked first.
    doubted: Option<Address>,
}

impl Known {
    fn is_due(&self) -> bool {
        let recently = self.asked_at.is_some_and(|at| at.elapsed() < PAUSE);
        self.in_doubt && !recently
    }
}

impl Cluster {
    pub(super) fn new(seeds: &[Address]) -> Self {
        Self {
            seeds: seeds.to_vec(),
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn doubt(&self, server: &Address) {
        let mut known = self.known();
        known.in_doubt = true;
        known.doubted = Some(server.clone());
    }

    pub(super) fn moved(&self, slot: u16, to: Address) {
        let mut known = self.known();
        known.map.set(slot, to);
        // One slot that moved is seldom alone.
        known.in_doubt = true;
    }

    pub(super) async fn owner(&self, link: &Inner, slot: u16) -> Result<Address> {
        let find = move |known: &Known| known.map.owner(slot).cloned();
        self.find(link, find).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                "no node of the cluster has the slot",
            )
            .with("slot", slot)
            .remedy("look with CLUSTER SLOTS at what is missing")
        })
    }

    pub(super) async fn primaries(&self, link: &Inner) -> Result<BTreeSet<Address>> {
        let find = |known: &Known| Some(known.map.primaries()).filter(|found| !found.is_empty());
        self.find(link, find).await?.ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "no node of the cluster has a slot")
                .remedy("give them slots: redis-cli --cluster create")
        })
    }

    /// What the map says; asks first if the map is in doubt or does not know.
    async fn find<T, F>(&self, link: &Inner, find: F) -> Result<Option<T>>
    where
        T: Send + 'static,
        F: Fn(&Known) -> Option<T> + Send + Sync + 'static,
    {
        if let Some(found) = self.look(&find) {
            return Ok(Some(found));
        }
        let link = link.own();
        apart(async move {
            let Route::Cluster(cluster) = &link.route else {
                return Ok(None);
            };
            let _asking = cluster.asking.lock().await;
            if let Some(found) = cluster.look(&find) {
                return Ok(Some(found));
            }
            cluster.ask(&link).await?;
            Ok(find(&cluster.known()))
        })
        .await
    }

    fn look<T>(&self, find: impl Fn(&Known) -> Option<T>) -> Option<T> {
        let known = self.known();
        find(&known).filter(|_| !known.is_due())
    }

    async fn ask(&self, link: &Inner) -> Result<()> {
        let mut failure = None;
        for address in self.whom_to_ask() {
            match map_of(link, &address).await {
                Ok(map) => {
                    self.learn(link, map);
                    return Ok(());
                }
                Err(error) => failure = Some(failure.unwrap_or(error)),
            }
        }
        self.known().asked_at = Some(Instant::now());
        Err(failure
            .unwrap_or_else(|| Error::new(ErrorKind::Unavailable, "there is no node to ask")))
    }

    /// Known nodes first, as seeds may be gone; who is in doubt last, as its map may be old.
    fn whom_to_ask(&self) -> Vec<Address> {
        let known = self.known();
        let mut nodes: Vec<Address> = known.map.primaries().into_iter().collect();
        fastrand::shuffle(&mut nodes);
        let seeds = self.seeds.iter().filter(|seed| !nodes.contains(seed));
        let seeds: Vec<Address> = seeds.cloned().collect();
        nodes.extend(seeds);
        nodes.sort_by_key(|node| known.doubted.as_ref() == Some(node));
        nodes
    }

    fn learn(&self, link: &Inner, map: SlotMap) {
        let mut known = self.known();
        known.asked_at = Some(Instant::now());
        known.in_doubt = false;
        known.doubted = None;
        let before = known.map.primaries();
        known.map = map;
        let after = known.map.primaries();
        drop(known);
        if !before.is_empty() && before != after {
            tracing::info!(nodes = after.len(), "the cluster has other primaries");
            link.nodes
                .keep(|address| after.contains(address) || self.seeds.contains(address));
            link.generation.send_modify(|number| *number += 1);
        }
    }
}

async fn map_of(link: &Inner, address: &Address) -> Result<SlotMap> {
    let wire = link.nodes.at(address).wire(link).await?;
    let mut question = Pipeline::new();
    question.cmd("CLUSTER").arg("SLOTS");
    let answers = timeout(ANSWER, wire.ask(&question)).await;
    let answers = answers.unwrap_or_else(|_| Err(silent(false)))?;
    match answers.first() {
        Some(Value::ServerError(refusal)) => {
            let error = server_error(refusal);
            let is_none = refusal
                .details()
                .is_some_and(|text| text.contains("disabled"));
            Err(if is_none {
                Error::new(
                    ErrorKind::ConfigInvalid,
                    "the server is no node of a cluster",
                )
                .with("address", address)
                .remedy("write the URL as redis://HOST")
            } else {
                error
            })
        }
        Some(answer) => SlotMap::read(answer, address),
        None => Err(crate::error::surprise("CLUSTER SLOTS")),
    }
}
