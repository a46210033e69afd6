//! `glmsg monitor`: what Prometheus learns of a group that nobody reads for.

use std::io::Read;
use std::process::Command;

use crate::metrics::{endpoint, get, shows};
use crate::redis::Redis;
use crate::store::{Running, Store, await_that, finish};

/// What it tells of a group that is so far behind, and its end.
fn tells_and_ends(monitor: Command, lag: u64) {
    let (mut monitor, mut notes) = Running::heard(monitor);
    let address = endpoint(&mut notes);
    let labels = "topic=\"t\",group=\"g\"";
    let answer = await_that("a look at the group", || {
        let answer = get(&address, "/metrics").unwrap();
        answer
            .contains("\nconsumer_lag_messages{")
            .then_some(answer)
    });
    shows(&answer, "consumer_lag_messages", labels, lag);
    shows(&answer, "consumer_undelivered_messages", labels, lag);
    assert!(answer.contains("\nlag_poll_errors_total 0\n"), "{answer}");
    await_that("a broker that is ready", || {
        let answer = get(&address, "/health/ready").unwrap();
        answer.starts_with("HTTP/1.1 200 OK").then_some(())
    });
    monitor.signal("TERM");
    assert!(monitor.ended().success());
    let mut said = String::new();
    notes.read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn a_group_without_a_consumer_is_told_until_the_end() {
    let store = Store::new();
    store.publish("t", "1\n2\n3\n");
    store.run(&["groups", "create", "t", "g"]).success();
    tells_and_ends(store.command(&["monitor", "--metrics", "127.0.0.1:0"]), 3);
    let only = ["monitor", "t", "--group", "g", "--metrics", "127.0.0.1:0"];
    tells_and_ends(store.command(&only), 3);
}

#[test]
fn an_operator_sees_all_groups_and_who_may_not_is_told_at_once() {
    let redis = Redis::start();
    let operator = redis.user("operator", &[]);
    let consumer = redis.user("consumer", &["-hgetall", "-smembers"]);
    redis.run_with(&["publish", "t"], "1\n2\n").success();
    redis.run(&["groups", "create", "t", "g"]).success();
    let monitor =
        |user: &str| redis.command(&["--broker", user, "monitor", "--metrics", "127.0.0.1:0"]);
    tells_and_ends(monitor(&operator), 2);
    finish(monitor(&consumer), b"").fails(1, &["does not allow"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let store = Store::new();
    store.run(&["monitor"]).fails(1, &["there is no broker at"]);
    store.publish("t", "1\n");
    store.run(&["monitor"]).fails(2, &["use --metrics ADDRESS"]);
    store.run(&["monitor", "t"]).fails(2, &["--group"]);
    let nowhere = ["monitor", "--metrics", "192.0.2.1:80"];
    store.run(&nowhere).fails(1, &["cannot listen"]);
}
