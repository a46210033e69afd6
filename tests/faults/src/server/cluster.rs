//! A Cluster: primaries that share the slots, each with a replica.

use std::time::Duration;

use super::redis::{Kind, RedisServer, RedisSetup};
use super::resp::Reply;
use crate::port::Port;
use crate::until;

const SLOTS: usize = 16384;
/// How long the nodes may take to agree.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many keys move at once.
const AT_ONCE: &str = "10";

/// Three primaries with a replica each, which take over from a primary that is silent for two seconds.
#[derive(Debug)]
pub struct ClusterSet {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    server: RedisServer,
    id: String,
    /// Where the nodes talk to each other.
    _bus: Port,
}

/// How many primaries there are; as many replicas follow them.
const PRIMARIES: usize = 3;

impl ClusterSet {
    /// Starts one, and waits until all nodes agree that all is well.
    ///
    /// # Panics
    /// If they do not within a minute.
    pub async fn start(kind: Kind, setup: RedisSetup) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..2 * PRIMARIES {
            let bus = Port::hold();
            let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
            let port = ["--cluster-port".to_owned(), bus.number().to_string()];
            // A replica takes over however long it has heard nothing.
            let validity = ["--cluster-replica-validity-factor", "0"];
            let delay = ["--repl-diskless-sync-delay", "0"];
            let setup = setup.clone().args(options).args(port);
            let server = RedisServer::start(kind, setup.args(validity).args(delay)).await;
            let id = server.command(&["CLUSTER", "MYID"]).await;
            nodes.push(Node {
                server,
                id: id.text().unwrap_or_default().to_owned(),
                _bus: bus,
            });
        }
        let set = Self { nodes };
        set.meet().await;
        set.share().await;
        set.is_whole().await;
        set
    }

    async fn meet(&self) {
        let [first, others @ ..] = &self.nodes[..] else {
            return;
        };
        for other in others {
            let port = other.server.addr().port().to_string();
            let bus = other._bus.number().to_string();
            let words = ["CLUSTER", "MEET", "127.0.0.1", &port, &bus];
            first.server.command(&words).await;
        }
        for node in &self.nodes {
            until("the nodes know each other", PATIENCE, || async {
                let known = text(&node.server, &["CLUSTER", "NODES"]).await;
                known.lines().count() == self.nodes.len() && !known.contains("handshake")
            })
            .await;
        }
    }

    async fn share(&self) {
        let (primaries, replicas) = self.nodes.split_at(PRIMARIES);
        for (n, (primary, replica)) in primaries.iter().zip(replicas).enumerate() {
            let (from, to) = (n * SLOTS / PRIMARIES, (n + 1) * SLOTS / PRIMARIES - 1);
            let range = [from.to_string(), to.to_string()];
            let words = ["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]];
            primary.server.command(&words).await;
            let words = ["CLUSTER", "REPLICATE", &primary.id];
            replica.server.command(&words).await;
        }
    }

    /// Waits until all nodes agree that all is well, and every replica is in step.
    ///
    /// # Panics
    /// If that is not so within a minute.
    pub async fn is_whole(&self) {
        for node in &self.nodes {
            until("a node finds the cluster whole", PATIENCE, || async {
                let info = text(&node.server, &["CLUSTER", "INFO"]).await;
                let nodes = text(&node.server, &["CLUSTER", "NODES"]).await;
                let replication = text(&node.server, &["INFO", "replication"]).await;
                let is_in_step = replication.contains("master_link_status:up")
                    || replication.contains("state=online");
                info.contains("cluster_state:ok") && !nodes.contains("fail") && is_in_step
            })
            .await;
        }
    }

    /// How a client names it.
    pub fn url(&self) -> String {
        let addrs = self.nodes.iter().map(|node| node.server.addr().to_string());
        let addrs: Vec<String> = addrs.collect();
        format!("redis+cluster://{}", addrs.join(","))
    }

    /// The slot of a key.
    pub async fn slot_of(&self, key: &str) -> u16 {
        let words = ["CLUSTER", "KEYSLOT", key];
        let slot = self.nodes[0].server.command(&words).await;
        let slot = slot.integer().unwrap_or_default();
        u16::try_from(slot).unwrap_or_default()
    }

    /// The primary that has a slot.
    ///
    /// # Panics
    /// If none has it.
    pub async fn owner(&self, slot: u16) -> &RedisServer {
        &self.owner_of(slot).await.server
    }

    async fn owner_of(&self, slot: u16) -> &Node {
        for asked in &self.nodes {
            let Ok(ranges) = asked.server.try_command(&["CLUSTER", "SLOTS"]).await else {
                continue;
            };
            for range in ranges.list() {
                let [from, to, primary, ..] = range.list() else {
                    continue;
                };
                let slots = from.integer().unwrap_or(1)..=to.integer().unwrap_or(0);
                if !slots.contains(&i64::from(slot)) {
                    continue;
                }
                let id = primary.list().get(2).and_then(Reply::text);
                let mut nodes = self.nodes.iter();
                if let Some(found) = nodes.find(|node| Some(&*node.id) == id) {
                    return found;
                }
            }
        }
        panic!("no node has the slot {slot}");
    }

    /// Moves a slot to the next primary, key by key, while it is in use. Returns how many keys moved.
    ///
    /// # Panics
    /// If a node refuses.
    pub async fn move_slot(&self, slot: u16) -> usize {
        let from = self.owner_of(slot).await;
        let to = self.other_primary(from).await;
        let (slot, port) = (slot.to_string(), to.server.addr().port().to_string());
        let set = |state, id| ["CLUSTER", "SETSLOT", &slot, state, id];
        to.server.command(&set("IMPORTING", &from.id)).await;
        from.server.command(&set("MIGRATING", &to.id)).await;
        let mut moved = 0;
        loop {
            let words = ["CLUSTER", "GETKEYSINSLOT", &slot, AT_ONCE];
            let keys = from.server.command(&words).await;
            let keys: Vec<&str> = keys.list().iter().filter_map(Reply::text).collect();
            if keys.is_empty() {
                break;
            }
            moved += keys.len();
            let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "30000", "KEYS"];
            words.extend(keys);
            from.server.command(&words).await;
        }
        // First who gets it, so that at no time nobody has it.
        to.server.command(&set("NODE", &to.id)).await;
        from.server.command(&set("NODE", &to.id)).await;
        moved
    }

    async fn other_primary(&self, than: &Node) -> &Node {
        for node in &self.nodes {
            let role = node.server.command(&["ROLE"]).await;
            let role = role
                .list()
                .first()
                .and_then(Reply::text)
                .unwrap_or_default();
            if node.id != than.id && role == "master" {
                return node;
            }
        }
        panic!("there is no other primary");
    }

    /// Waits until a slot has another primary than that.
    ///
    /// # Panics
    /// If it has none within a minute.
    pub async fn fails_over(&self, slot: u16, from: &RedisServer) {
        until("a replica has taken over", PATIENCE, || async {
            let mut others = self
                .nodes
                .iter()
                .filter(|node| node.server.addr() != from.addr());
            let Some(asked) = others.next() else {
                return false;
            };
            let nodes = text(&asked.server, &["CLUSTER", "NODES"]).await;
            let has_slot = |line: &&str| {
                let mut ranges = line.split(' ').skip(8);
                ranges.any(|range| {
                    let (low, high) = range.split_once('-').unwrap_or((range, range));
                    let (low, high) = (low.parse::<u16>(), high.parse::<u16>());
                    matches!((low, high), (Ok(low), Ok(high)) if (low..=high).contains(&slot))
                })
            };
            let owner = nodes.lines().find(has_slot).unwrap_or_default();
            let port = format!(":{}@", from.addr().port());
            !owner.is_empty() && !owner.contains(&port) && owner.contains("master")
        })
        .await;
    }

    /// What all nodes printed.
    pub fn logs(&self) -> String {
        let each = self.nodes.iter().map(|node| node.server.log());
        each.collect()
    }
}

async fn text(server: &RedisServer, words: &[&str]) -> String {
    match server.try_command(words).await {
        Ok(reply) => reply.text().unwrap_or_default().to_owned(),
        Err(_) => String::new(),
    }
}
