//! The master behind sentinels, and another one after it.

use std::time::Duration;

use glmsg_core::ErrorKind;
use redis::Value;
use tokio::time::{Instant, timeout};

use super::servers::*;
use crate::config::RedisConfig;

const SECOND: Duration = Duration::from_secs(1);

/// A master, a replica of it, and a sentinel.
struct Set {
    master: Server,
    replica: Server,
    sentinel: Server,
}

impl Set {
    async fn start(sentinel: &str) -> Self {
        let master = Server::start(&["--repl-diskless-sync-delay", "0"]).await;
        let port = master.port().to_string();
        let replica = Server::start(&[
            "--replicaof",
            "127.0.0.1",
            &port,
            "--repl-diskless-sync-delay",
            "0",
        ])
        .await;
        until("the replica is in step", || async {
            let info = replica.run(&[&["INFO", "replication"]]).await;
            field(&info[0], "master_link_status") == "up"
        })
        .await;
        let sentinel = Server::start_sentinel(master.port(), sentinel).await;
        Self {
            master,
            replica,
            sentinel,
        }
    }

    fn url(&self, more: &str) -> String {
        // The first sentinel is gone.
        let port = self.sentinel.port();
        format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{port}/main?timeout_ms=20000{more}")
    }

    async fn is_known(&self) {
        until("the sentinel knows the replica", || async {
            let info = self
                .sentinel
                .run(&[&["SENTINEL", "REPLICAS", "main"]])
                .await;
            matches!(&info[0], Value::Array(found) if found.len() == 1)
        })
        .await;
    }
}

#[tokio::test]
async fn the_master_is_found_and_followed() {
    let set = Set::start("").await;
    let link = open(&set.url("")).await;
    let set_key = pipeline(&[&["SET", "k", "v"], &["ROLE"]]);
    let replies = link.send(0, &set_key).await.unwrap();
    assert_eq!(replies.values[0], Value::Okay);
    let address = |port: u16| format!("127.0.0.1:{port}");
    assert_eq!(
        link.nodes().await.unwrap()[0].address,
        address(set.master.port())
    );

    let mut dedicated = link.dedicated(0).await.unwrap();
    let waiting = tokio::spawn(async move {
        let wait = pipeline(&[&["BLPOP", "list", "0"]]);
        dedicated.ask(&wait, 60 * SECOND).await
    });
    let mut woken = link.generations();
    set.is_known().await;
    until("the sentinel finds the replica fit", || async {
        set.sentinel.run(&[&["SENTINEL", "FAILOVER", "main"]]).await == [Value::Okay]
    })
    .await;
    // Nothing is sent: the link finds out by itself.
    timeout(20 * SECOND, woken.changed())
        .await
        .unwrap()
        .unwrap();
    let told = timeout(5 * SECOND, waiting).await.unwrap().unwrap();
    let told = told.unwrap_err();
    let passing = [ErrorKind::Indeterminate, ErrorKind::Unavailable];
    assert!(passing.contains(&told.kind()), "{told}");
    let replies = link.send(0, &set_key).await.unwrap();
    assert_eq!(replies.values[0], Value::Okay);
    assert_eq!(
        link.nodes().await.unwrap()[0].address,
        address(set.replica.port())
    );
    link.dedicated(0).await.unwrap();
}

#[tokio::test]
async fn a_master_that_dies_is_replaced_while_a_call_waits() {
    let mut set = Set::start("").await;
    let link = open(&set.url("")).await;
    let key = pipeline(&[&["SET", "k", "v"]]);
    link.send(0, &key).await.unwrap();
    set.is_known().await;
    set.master.kill();
    let replies = link.send(0, &key).await.unwrap();
    assert_eq!(replies.values, [Value::Okay]);
    let got = set.replica.run(&[&["ROLE"]]).await;
    assert!(matches!(&got[0], Value::Array(parts) if text(&parts[0]) == "master"));
}

#[tokio::test]
async fn a_master_that_hangs_is_left_when_the_sentinels_name_another() {
    let set = Set::start("").await;
    let link = open(&set.url("")).await;
    let key = pipeline(&[&["SET", "k", "v"]]);
    link.send(0, &key).await.unwrap();
    let mut dedicated = link.dedicated(0).await.unwrap();
    set.is_known().await;
    set.master.signal("STOP");
    let start = Instant::now();
    let wait = pipeline(&[&["BLPOP", "list", "0"]]);
    let told = dedicated.ask(&wait, 60 * SECOND).await.unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Indeterminate, "{told}");
    let replies = link.send(0, &key).await.unwrap();
    assert_eq!(replies.values, [Value::Okay]);
    assert!(start.elapsed() < 20 * SECOND);
    // It comes back, still thinking that it is the master; nobody writes to it.
    set.master.signal("CONT");
    link.send(0, &pipeline(&[&["SET", "later", "v"]]))
        .await
        .unwrap();
    let got = set.master.run(&[&["EXISTS", "later"]]).await;
    let has_later = got == [Value::Int(1)];
    let got = set.replica.run(&[&["EXISTS", "later"]]).await;
    assert_eq!(got, [Value::Int(1)]);
    if has_later {
        // By then it has learnt that it is a replica.
        let role = set.master.run(&[&["ROLE"]]).await;
        assert!(matches!(&role[0], Value::Array(parts) if text(&parts[0]) == "slave"));
    }
}

#[tokio::test]
async fn a_sentinel_that_is_cut_off_is_not_asked_for_ever() {
    let mut gone = Server::start(&[]).await;
    let cut_off = Server::start_sentinel(gone.port(), "").await;
    gone.kill();
    let set = Set::start("").await;
    let ports = [cut_off.port(), set.sentinel.port()];
    let [first, second] = ports.map(|port| format!("127.0.0.1:{port}"));
    let link = open(&format!("redis+sentinel://{first},{second}/main")).await;
    let master = format!("127.0.0.1:{}", set.master.port());
    assert_eq!(link.nodes().await.unwrap()[0].address, master);
}

#[tokio::test]
async fn what_sentinels_do_not_know_is_said_at_once() {
    let set = Set::start("").await;
    let url = set.url("").replace("/main", "/other");
    let start = Instant::now();
    let error = refusal(RedisConfig::from_url(&url).unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    assert!(error.to_string().contains("other"), "{error}");
    assert!(start.elapsed() < SECOND);
    // A server that is no sentinel.
    let url = format!(
        "redis+sentinel://127.0.0.1:{}/main?timeout_ms=500",
        set.master.port()
    );
    let error = refusal(RedisConfig::from_url(&url).unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let url = "redis+sentinel://127.0.0.1:1/main?timeout_ms=200";
    let error = refusal(RedisConfig::from_url(url).unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn sentinels_have_their_own_login() {
    let set = Set::start("requirepass s-c4n4ry").await;
    let good = set.url("&sentinel_password=s-c4n4ry");
    let link = open(&good).await;
    link.send(0, &pipeline(&[&["PING"]])).await.unwrap();
    for more in ["", "&sentinel_password=wr0ng-c4n4ry"] {
        let error = refusal(RedisConfig::from_url(&set.url(more)).unwrap()).await;
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(!format!("{error:?} {link:?}").contains("c4n4ry"));
    }
}

#[tokio::test]
async fn the_sentinels_of_this_machine_are_asked() {
    let link = open(&service("SENTINEL_URL")).await;
    let replies = link.send(0, &pipeline(&[&["ROLE"]])).await.unwrap();
    assert!(matches!(&replies.values[0], Value::Array(parts) if text(&parts[0]) == "master"));
}

#[tokio::test]
async fn who_listens_goes_to_the_new_master() {
    let mut set = Set::start("").await;
    let link = open(&set.url("")).await;
    set.is_known().await;
    let mut subscribe = redis::cmd("SUBSCRIBE");
    subscribe.arg("news");
    let ear = link.listen(0, &subscribe).await.unwrap();
    set.master.kill();
    let error = timeout(20 * SECOND, ear.hear(|_| {})).await.unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    until("there is a master to listen to", || async {
        link.listen(0, &subscribe).await.is_ok()
    })
    .await;
    let counted = ["PUBSUB", "NUMSUB", "news"];
    until(
        "it is the replica of before, and the dropped one is gone",
        || async {
            let count = set.replica.run(&[&counted]).await;
            matches!(&count[0], Value::Array(found) if found[1] == Value::Int(0))
        },
    )
    .await;
    let _ear = link.listen(0, &subscribe).await.unwrap();
    let count = set.replica.run(&[&counted]).await;
    assert!(matches!(&count[0], Value::Array(found) if found[1] == Value::Int(1)));
}
