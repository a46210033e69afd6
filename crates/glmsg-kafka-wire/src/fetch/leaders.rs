//! Finds out who leads what is assigned. The task that others belong to.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;

use glmsg_core::{Error, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::broker;
use super::code::{self, Meaning};
use super::fetched::What;
use super::shared::Shared;
use super::slot::{Slot, Told};
use super::state::{Node, State};
use crate::cluster::{Cluster, Leaders};

/// The topic is not there.
const UNKNOWN_TOPIC: i16 = 3;

/// Finds out who leads what is assigned, and has them read, as long as it is not ended.
pub(super) async fn run(shared: Arc<Shared>, run: u64) {
    let mut tasks = JoinSet::new();
    loop {
        let (topics, until) = {
            let mut state = shared.state();
            if state.run != run {
                return;
            }
            for node in state.adopt(&shared.cluster) {
                tasks.spawn(broker::run(Arc::clone(&shared), node));
            }
            state.sought()
        };
        if topics.is_empty() {
            let sleep = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = shared.seek.notified() => {}
                () = sleep => {}
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                    if ended.is_err() {
                        // All of it begins anew.
                        return;
                    }
                }
            }
            continue;
        }
        let names: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
        let asked = shared.cluster.ask(&names).await;
        let mut state = shared.state();
        state.learn(&topics, &asked, &shared.cluster);
        let has_more = state.has_more();
        drop(state);
        if has_more {
            shared.ready.notify_one();
        }
    }
}

impl State {
    /// Has those read whose leader is known. Returns brokers that have no task yet.
    fn adopt(&mut self, cluster: &Cluster) -> Vec<Arc<Node>> {
        let mut begun = Vec::new();
        for slot in self.slots.values_mut() {
            if slot.leader.is_none() && !slot.in_doubt {
                slot.leader = leader(cluster.leaders(&slot.topic).as_deref(), slot.partition);
                slot.in_doubt = slot.leader.is_none();
            }
            let Some(leader) = slot.leader.filter(|_| slot.is_fresh) else {
                continue;
            };
            let run = self.run;
            let node = self.nodes.entry(leader).or_insert_with(|| {
                let node = Node::new(leader, run);
                begun.push(Arc::clone(&node));
                node
            });
            node.rouse();
        }
        begun
    }

    /// Topics whose leaders are to be asked for now, and when there may be others.
    fn sought(&self) -> (BTreeSet<Arc<str>>, Option<Instant>) {
        let now = Instant::now();
        let mut topics = BTreeSet::new();
        let mut until: Option<Instant> = None;
        for slot in self.slots.values().filter(|slot| slot.in_doubt) {
            match slot.seeking.pending(now) {
                None => {
                    topics.insert(Arc::clone(&slot.topic));
                }
                Some(at) => until = Some(until.map_or(at, |until| until.min(at))),
            }
        }
        (topics, until)
    }

    /// Takes up who leads partitions of these topics, or why that is not known.
    fn learn(&mut self, topics: &BTreeSet<Arc<str>>, asked: &Result<()>, cluster: &Cluster) {
        let doubted = self
            .slots
            .values_mut()
            .filter(|slot| slot.in_doubt && topics.contains(&slot.topic));
        let mut told = Vec::new();
        for slot in doubted {
            if let Err(error) = asked {
                slot.seeking.grow();
                if !error.is_transient() {
                    let what = What::Refused(error.duplicate());
                    told.push((slot.generation, Told::Refused, what));
                }
                continue;
            }
            let leaders = cluster.leaders(&slot.topic);
            if let Some(leader) = leader(leaders.as_deref(), slot.partition) {
                slot.is_led(leader);
                continue;
            }
            slot.seeking.grow();
            if let Some((what_of, what)) = absence(leaders.as_deref(), slot) {
                told.push((slot.generation, what_of, what));
            }
        }
        for (generation, told, what) in told {
            self.tell(generation, told, what);
        }
    }
}

fn leader(leaders: Option<&Leaders>, partition: i32) -> Option<i32> {
    let leaders = leaders.filter(|leaders| leaders.code == 0)?;
    let node = leaders.nodes.get(usize::try_from(partition).ok()?)?;
    (*node >= 0).then_some(*node)
}

/// What is told of a partition that none leads: nothing, if it is likely to change.
fn absence(leaders: Option<&Leaders>, slot: &mut Slot) -> Option<(Told, What)> {
    let leaders = leaders?;
    let missing = |slot: &Slot| -> Error { code::missing(&slot.topic, slot.partition) };
    match leaders.code {
        0 => {
            let is_there = usize::try_from(slot.partition).is_ok_and(|n| n < leaders.nodes.len());
            if is_there {
                return None;
            }
        }
        UNKNOWN_TOPIC => {}
        other => {
            return match code::meaning(other, &slot.topic) {
                Meaning::Refused(error) => Some((Told::Refused, What::Refused(error))),
                _ => None,
            };
        }
    }
    slot.leader = None;
    Some((Told::Missing, What::Missing(missing(slot))))
}
