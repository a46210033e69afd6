//! Metrics and health where the settings say.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::metrics::get;
use crate::redis::{Redis, Watched};
use crate::store::{Store, await_that, finish};

/// A port that is free. The system gives out higher ones by itself, so that nobody takes it
/// meanwhile.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 1_000).unwrap() * 20;
    (0..)
        .map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed))
        .find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok())
        .unwrap()
}

fn settings(store: &Store, port: u16) -> String {
    let text = format!("metrics_enabled: true\nprometheus_port: {port}\n");
    store.file("glmsg.yaml", text)
}

#[test]
fn a_consumer_serves_where_the_file_says() {
    let store = Store::new();
    let port = free_port();
    let mut command = store.command(&["consume", "t", "--group", "g"]);
    command.env("GLMSG_CONFIG", settings(&store, port));
    let mut consumer = Watched::spawn(command);
    consumer.await_said(&format!("metrics at http://127.0.0.1:{port}/metrics"), 1);
    // It is told when the broker has answered the first look.
    await_that("answer of the broker that is told", || {
        let answer = get(&format!("127.0.0.1:{port}"), "/metrics").unwrap();
        answer.contains("\nbroker_connected 1.0\n").then_some(())
    });
}

#[test]
fn it_listens_at_the_address_of_the_file_and_not_unless_enabled() {
    let store = Store::new();
    store.publish("t", "1\n2\n");
    let consume = ["consume", "t", "--group", "g", "--count", "1"];
    for (enabled, times) in [("true", 1), ("false", 0)] {
        let mut command = store.command(&consume);
        command
            .env("GLMSG_CONFIG", settings(&store, free_port()))
            .env("GLMSG_METRICS__LISTEN", "0.0.0.0")
            .env("GLMSG_METRICS_ENABLED", enabled);
        let run = finish(command, b"").success();
        let said = run.stderr.matches("metrics at http://0.0.0.0:").count();
        assert_eq!(said, times, "{}", run.stderr);
    }
}

#[test]
fn an_option_wins_over_the_file() {
    let store = Store::new();
    let (port, mine) = (free_port(), free_port());
    let address = format!("127.0.0.1:{mine}");
    let mut command = store.command(&["consume", "t", "--group", "g", "--metrics", &address]);
    command.env("GLMSG_CONFIG", settings(&store, port));
    let mut consumer = Watched::spawn(command);
    consumer.await_said(&format!("metrics at http://{address}/metrics"), 1);
    get(&format!("127.0.0.1:{port}"), "/metrics").expect_err("nobody listens there");
}

#[test]
fn commands_that_end_by_themselves_serve_by_the_option_alone() {
    let store = Store::new();
    let mut command = store.command(&["publish", "t"]);
    command.env("GLMSG_CONFIG", settings(&store, free_port()));
    let run = finish(command, b"1\n").success();
    assert!(!run.stderr.contains("metrics"), "{}", run.stderr);
}

#[test]
fn an_address_of_the_file_that_is_in_use_is_told_and_the_work_is_done() {
    let store = Store::new();
    store.publish("t", "1\n");
    let port = free_port();
    let _other = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let file = settings(&store, port);
    let consume = |more: &[&str]| {
        let args = [&["-q", "consume", "t", "-g", "g", "-n", "1"], more].concat();
        let mut command = store.command(&args);
        command.env("GLMSG_CONFIG", &file);
        finish(command, b"")
    };
    // Who names it on the command line means it.
    let address = format!("127.0.0.1:{port}");
    consume(&["--metrics", &address]).fails(1, &["cannot listen"]);

    let run = consume(&[]).success();
    assert_eq!(run.objects().len(), 1);
    let warning = format!("glmsg: no metrics are served: {address} is in use; ");
    assert!(run.stderr.starts_with(&warning), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn health_is_looked_at_as_often_as_the_file_says() {
    let redis = Redis::start();
    let begin = |seconds: &str| {
        let (port, group) = (free_port(), format!("every-{seconds}"));
        let mut command = redis.command(&["consume", "t", "--group", &group, "--timeout", "1h"]);
        command
            .env("GLMSG_METRICS_ENABLED", "true")
            .env("GLMSG_PROMETHEUS_PORT", port.to_string())
            .env("GLMSG_HEALTH_CHECK_INTERVAL_SECONDS", seconds);
        let mut consumer = Watched::spawn(command);
        consumer.await_said("metrics at", 1);
        (consumer, format!("127.0.0.1:{port}"))
    };
    let health = |address: &str| get(address, "/health/ready").unwrap();
    let (_rarely, rarely) = begin("86400");
    let (_often, often) = begin("1");
    for address in [&rarely, &often] {
        assert!(health(address).starts_with("HTTP/1.1 200 "));
    }
    redis.kill();
    await_that("a probe that finds nobody", || {
        health(&often).starts_with("HTTP/1.1 503 ").then_some(())
    });
    assert!(health(&rarely).starts_with("HTTP/1.1 200 "));
}
