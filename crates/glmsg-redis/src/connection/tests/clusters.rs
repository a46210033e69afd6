//! A cluster whose slots move, and whose masters fail.

use std::collections::BTreeMap;
use std::time::Duration;

use glmsg_core::ErrorKind;
use redis::Value;
use tokio::time::timeout;

use super::servers::*;
use crate::config::RedisConfig;
use crate::connection::{Link, slot_of};

const SECOND: Duration = Duration::from_secs(1);
const ARGUMENTS: [&str; 6] = [
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "1000",
    "--repl-diskless-sync-delay",
    "0",
];

/// Three masters, and a replica of the first.
struct Cluster {
    nodes: Vec<Server>,
    ids: Vec<String>,
}

impl Cluster {
    async fn start() -> Self {
        let mut nodes = Vec::new();
        let mut ids = Vec::new();
        for ranges in ["0 8191", "8192 12287", "12288 16383", ""] {
            let node = Server::start(&ARGUMENTS).await;
            ids.push(text(&node.run(&[&["CLUSTER", "MYID"]]).await[0]).to_owned());
            if let Some((first, last)) = ranges.split_once(' ') {
                let add = ["CLUSTER", "ADDSLOTSRANGE", first, last];
                assert_eq!(node.run(&[&add]).await, [Value::Okay]);
            }
            nodes.push(node);
        }
        for (epoch, node) in nodes.iter().enumerate() {
            let epoch = (epoch + 1).to_string();
            node.run(&[&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]]).await;
        }
        let cluster = Self { nodes, ids };
        cluster.is_agreed().await;
        let replicate = ["CLUSTER", "REPLICATE", &cluster.ids[0]];
        until("the last node is a replica of the first", || async {
            cluster.nodes[3].run(&[&replicate]).await == [Value::Okay]
        })
        .await;
        until("the replica is in step", || async {
            let info = cluster.nodes[3].run(&[&["INFO", "replication"]]).await;
            text(&info[0]).contains("master_link_status:up")
        })
        .await;
        cluster
    }

    async fn is_agreed(&self) {
        let first = &self.nodes[0];
        let (port, bus) = (first.port().to_string(), first.bus().to_string());
        let meet = ["CLUSTER", "MEET", "127.0.0.1", &port, &bus];
        until("all nodes know each other and all slots", || async {
            let mut agree = true;
            for (place, node) in self.nodes.iter().enumerate() {
                let info = node.run(&[&["CLUSTER", "INFO"]]).await;
                let info = text(&info[0]);
                if info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:4") {
                    continue;
                }
                agree = false;
                if place > 0 {
                    // Again each time, as on a busy machine a first meeting comes to nothing.
                    node.run(&[&meet]).await;
                }
            }
            if !agree {
                tokio::time::sleep(SECOND).await;
            }
            agree
        })
        .await;
    }

    /// Waits until the replica has a key: what only a dead master had is lost, rightly.
    async fn is_replicated(&self, key: &str) {
        until("the replica has the key", || async {
            let answers = self.nodes[3].run(&[&["READONLY"], &["EXISTS", key]]).await;
            answers[1] == Value::Int(1)
        })
        .await;
    }

    fn url(&self) -> String {
        // One that is gone, and one that has no slots.
        let port = self.nodes[3].port();
        format!("redis+cluster://127.0.0.1:1,127.0.0.1:{port}?timeout_ms=20000")
    }

    /// Says on a node what a slot does.
    async fn set_slot(&self, node: usize, slot: u16, what: &str, whose: usize) {
        let slot = slot.to_string();
        let set = ["CLUSTER", "SETSLOT", &slot, what, &self.ids[whose]];
        assert_eq!(self.nodes[node].run(&[&set]).await, [Value::Okay]);
    }

    async fn migrate(&self, key: &str) {
        let port = self.nodes[1].port().to_string();
        let migrate = ["MIGRATE", "127.0.0.1", &port, key, "0", "5000"];
        assert_eq!(self.nodes[0].run(&[&migrate]).await, [Value::Okay]);
    }
}

/// A tag whose slot is in the lower half.
const TAG: &str = "bar";

async fn ok(link: &Link, tag: &str, commands: &[&[&str]]) -> Vec<Value> {
    let replies = link.send(slot_of(tag), &pipeline(commands)).await.unwrap();
    for value in &replies.values {
        assert!(!matches!(value, Value::ServerError(_)), "{value:?}");
    }
    assert!(!replies.was_resent);
    replies.values
}

#[tokio::test]
async fn every_slot_is_reached() {
    let link = open(&service("CLUSTER_URL")).await;
    assert_eq!(link.nodes().await.unwrap().len(), 3);
    let tags = (0..400_000).map(|number: u32| number.to_string());
    let tags: BTreeMap<u16, String> = tags.map(|tag| (slot_of(&tag), tag)).collect();
    assert_eq!(tags.len(), 16384);
    let mut calls = tokio::task::JoinSet::new();
    for (slot, tag) in tags {
        let link = link.clone();
        calls.spawn(async move {
            // Not written, as others use these servers; a wrong node would answer MOVED.
            let get = pipeline(&[&["EXISTS", &tag]]);
            let replies = link.send(slot, &get).await.unwrap();
            assert_eq!(replies.values.len(), 1);
            assert!(matches!(replies.values[0], Value::Int(_)), "{replies:?}");
        });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
    assert_eq!(link.generation(), 0, "nothing moved");
}

#[tokio::test]
async fn a_slot_that_moves_is_followed_step_by_step() {
    let cluster = Cluster::start().await;
    let link = open(&cluster.url()).await;
    let slot = slot_of(TAG);
    assert!(slot < 8192);
    let (old, new) = (TAG.to_owned(), format!("x{{{TAG}}}"));
    ok(&link, TAG, &[&["SET", &old, "1"]]).await;
    let list = format!("list{{{TAG}}}");
    let mut dedicated = link.dedicated(slot).await.unwrap();

    // On its way: what is there is there, what is not is at the new owner.
    cluster.set_slot(1, slot, "IMPORTING", 0).await;
    cluster.set_slot(0, slot, "MIGRATING", 1).await;
    let values = ok(
        &link,
        TAG,
        &[&["INCR", &old], &["INCR", &new], &["INCR", &new]],
    )
    .await;
    assert_eq!(values, [Value::Int(2), Value::Int(1), Value::Int(2)]);
    let push = pipeline(&[&["RPUSH", &list, "a"]]);
    let values = dedicated.ask(&push, SECOND).await.unwrap();
    assert_eq!(values, [Value::Int(1)]);
    let wait = pipeline(&[&["BLPOP", &list, "1"]]);
    let values = dedicated.ask(&wait, 5 * SECOND).await.unwrap();
    assert!(matches!(&values[0], Value::Array(found) if text(&found[1]) == "a"));
    let at_new = cluster.nodes[1].run(&[&["ASKING"], &["GET", &new]]).await;
    assert_eq!(text(&at_new[1]), "2");

    // Keys on both sides: neither can do it, until the last key has come.
    let both = link.clone();
    let words = (old.clone(), new.clone());
    let call = tokio::spawn(async move {
        let commands = pipeline(&[&["MGET", &words.0, &words.1]]);
        both.send(slot_of(TAG), &commands).await
    });
    cluster.migrate(&old).await;
    let replies = call.await.unwrap().unwrap();
    let Value::Array(found) = &replies.values[0] else {
        panic!("{replies:?}");
    };
    assert_eq!((text(&found[0]), text(&found[1])), ("2", "2"));

    // Arrived.
    cluster.set_slot(1, slot, "NODE", 1).await;
    cluster.set_slot(0, slot, "NODE", 1).await;
    let values = ok(&link, TAG, &[&["INCR", &old], &["INCR", &new]]).await;
    assert_eq!(values, [Value::Int(3), Value::Int(3)]);
    let incr = pipeline(&[&["INCR", &old]]);
    let values = dedicated.ask(&incr, SECOND).await.unwrap();
    assert_eq!(values, [Value::Int(4)], "it was there already");
}

#[tokio::test]
async fn who_waits_at_the_old_owner_is_told() {
    let cluster = Cluster::start().await;
    let link = open(&cluster.url()).await;
    let slot = slot_of(TAG);
    let mut dedicated = link.dedicated(slot).await.unwrap();
    let wait = pipeline(&[&["BLPOP", TAG, "0"]]);
    let waiting = tokio::spawn(async move { dedicated.ask(&wait, 60 * SECOND).await });
    until("the call waits", || async {
        let info = cluster.nodes[0].run(&[&["INFO", "clients"]]).await;
        field(&info[0], "blocked_clients") == "1"
    })
    .await;
    cluster.set_slot(1, slot, "NODE", 1).await;
    cluster.set_slot(0, slot, "NODE", 1).await;
    let told = timeout(10 * SECOND, waiting).await.unwrap().unwrap();
    let told = told.unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Unavailable, "{told}");
    // A node that has not heard of it yet may be the one that is asked for the way.
    let push = pipeline(&[&["RPUSH", TAG, "x"]]);
    until("the new owner is found", || async {
        let mut dedicated = link.dedicated(slot).await.unwrap();
        match dedicated.ask(&push, SECOND).await {
            Ok(answers) => answers == [Value::Int(1)],
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                false
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_master_that_dies_is_replaced_by_its_replica() {
    let mut cluster = Cluster::start().await;
    let link = open(&cluster.url()).await;
    ok(&link, TAG, &[&["SET", TAG, "1"]]).await;
    cluster.is_replicated(TAG).await;
    assert_eq!(link.nodes().await.unwrap().len(), 3);
    let before = link.generation();
    cluster.nodes[0].kill();
    let replies = link.send(slot_of(TAG), &pipeline(&[&["INCR", TAG]])).await;
    assert!(matches!(replies.unwrap().values[..], [Value::Int(2..)]));
    assert!(link.generation() > before);
    let nodes = link.nodes().await.unwrap();
    let port = cluster.nodes[3].port().to_string();
    assert!(
        nodes.iter().any(|node| node.address.ends_with(&port)),
        "{nodes:?}"
    );
}

#[tokio::test]
async fn a_master_that_hangs_is_left_for_its_replica() {
    let cluster = Cluster::start().await;
    let link = open(&cluster.url()).await;
    ok(&link, TAG, &[&["SET", TAG, "1"]]).await;
    cluster.is_replicated(TAG).await;
    let mut dedicated = link.dedicated(slot_of(TAG)).await.unwrap();
    let waiting = tokio::spawn(async move {
        let wait = pipeline(&[&["BLPOP", "{bar}list", "0"]]);
        dedicated.ask(&wait, 60 * SECOND).await
    });
    cluster.nodes[0].signal("STOP");
    let replies = link.send(slot_of(TAG), &pipeline(&[&["INCR", TAG]])).await;
    let replies = replies.unwrap();
    assert_eq!(replies.values, [Value::Int(2)]);
    assert!(replies.was_resent);
    let told = timeout(5 * SECOND, waiting).await.unwrap().unwrap();
    assert_eq!(told.unwrap_err().kind(), ErrorKind::Indeterminate);
}

#[tokio::test]
async fn a_server_without_a_cluster_and_a_cluster_without_its_url() {
    let single = service("REDIS7_URL").replace("redis://", "redis+cluster://");
    let error = refusal(RedisConfig::from_url(&single).unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    assert!(error.to_string().contains("redis://"), "{error}");
    let cluster = service("CLUSTER_URL").replace("redis+cluster://", "redis://");
    let one = cluster.split(',').next().unwrap();
    let link = open(one).await;
    let mut moved = 0;
    for tag in ["a", "b", "c", "d", "e", "f"] {
        let exists = pipeline(&[&["EXISTS", tag]]);
        if let Err(error) = link.send(slot_of(tag), &exists).await {
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
            assert!(error.to_string().contains("redis+cluster://"), "{error}");
            moved += 1;
        }
    }
    assert!(moved > 0);
}

#[tokio::test]
async fn who_listens_hears_every_node_and_goes_to_the_new_master() {
    let mut cluster = Cluster::start().await;
    let link = open(&cluster.url()).await;
    let slot = slot_of(TAG);
    let mut subscribe = redis::cmd("SUBSCRIBE");
    subscribe.arg("news");
    for is_first in [true, false] {
        let ear = timeout(20 * SECOND, async {
            loop {
                if let Ok(ear) = link.listen(slot, &subscribe).await {
                    break ear;
                }
                tokio::time::sleep(SECOND / 20).await;
            }
        });
        let ear = ear.await.expect("a master to listen to");
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let hearing = tokio::spawn(ear.hear(move |answers| {
            let _ = told.send(answers);
        }));
        // By the owner of the slot, as announcements are; by another node over their bus.
        for node in [if is_first { 0 } else { 3 }, 1] {
            let said = node.to_string();
            cluster.nodes[node]
                .run(&[&["PUBLISH", "news", &said]])
                .await;
            let answers = timeout(20 * SECOND, heard.recv()).await.unwrap();
            let words = answers.unwrap().values().unwrap();
            let Value::Array(words) = &words[0] else {
                panic!("{words:?}");
            };
            assert_eq!(text(&words[2]), said);
        }
        if is_first {
            cluster.nodes[0].kill();
            timeout(20 * SECOND, hearing).await.unwrap().unwrap();
        }
    }
}
