//! kill -9 and SIGTERM in mid-work.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;

use serde_json::{Value, json};

use crate::store::{Store, json_lines, next_line};

fn numbers(text: &str) -> BTreeSet<u64> {
    let number = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["n"]
            .as_u64()
            .unwrap()
    };
    text.lines().map(number).collect()
}

#[test]
fn a_killed_consumer_loses_nothing() {
    let store = Store::new();
    store.publish("t", &json_lines(300));
    // Two kills: one soon, one deeper in, each with commands under way.
    for seen in [10, 60] {
        let exec = "line=$(cat); echo \"$line\" >> handled";
        let mut consumer = store.start(&[
            "consume",
            "t",
            "-g",
            "g",
            "--exec",
            exec,
            "--workers",
            "4",
            "--lease",
            "0.5",
        ]);
        store.await_lines("handled", seen);
        consumer.kill();
    }
    let lag = store.lag("t", "g")["lag"].as_u64().unwrap();
    assert!(
        lag > 0,
        "there must be something left for this to mean anything"
    );
    let rest = store
        .run(&["consume", "t", "-g", "g", "--wait", "3", "-o", "payload"])
        .success();
    let mut got = numbers(rest.text());
    assert!(got.len() as u64 >= lag.min(1));
    got.extend(numbers(
        &std::fs::read_to_string(store.path("handled")).unwrap(),
    ));
    assert_eq!(got, (0..300).collect());
    assert_eq!(store.lag("t", "g")["lag"], 0);
}

#[test]
fn a_killed_publisher_has_stored_what_it_reported() {
    let store = Store::new();
    let lines = json_lines(200_000);
    let mut publisher = store.start(&["--json", "publish", "t", "--batch", "50"]);
    let mut stdin = publisher.stdin();
    let feeder = {
        let lines = lines.clone();
        std::thread::spawn(move || {
            // It ends when the publisher does.
            let _ = stdin.write_all(lines.as_bytes());
        })
    };
    let mut out = publisher.stdout();
    let mut reported = 0;
    while reported < 2000 {
        let object: Value = serde_json::from_str(&next_line(&mut out)).unwrap();
        reported = object["stored"].as_u64().unwrap();
    }
    publisher.kill();
    feeder.join().unwrap();
    // What it said between the last line read here and its end counts, too.
    let mut line = next_line(&mut out);
    while line.ends_with('\n') {
        let object: Value = serde_json::from_str(&line).unwrap();
        reported = object["stored"].as_u64().unwrap();
        line = next_line(&mut out);
    }
    let stored = store
        .run(&["replay", "t", "--from", "earliest", "-o", "payload"])
        .success();
    let stored = stored.text();
    assert!(
        stored.lines().count() as u64 >= reported,
        "{reported} were reported"
    );
    assert!(
        lines.starts_with(stored),
        "what is stored is the input, from its beginning"
    );
}

#[test]
fn sigterm_finishes_what_is_begun_and_takes_nothing_new() {
    let store = Store::new();
    store.publish("t", &json_lines(20));
    let gate = store.path("gate");
    assert!(
        Command::new("mkfifo")
            .arg(&gate)
            .status()
            .unwrap()
            .success()
    );
    let exec = "cat > /dev/null; echo started >> log; read -r go < gate; echo done >> log";
    let mut consumer = store.start(&["consume", "t", "-g", "g", "--exec", exec]);
    store.await_lines("log", 1);
    consumer.signal("TERM");
    // The command waits for this, and the consumer for the command.
    std::fs::write(&gate, "go\n").unwrap();
    assert!(consumer.ended().success());
    assert_eq!(
        std::fs::read_to_string(store.path("log")).unwrap(),
        "started\ndone\n"
    );
    let lag = store.lag("t", "g");
    assert_eq!(
        (&lag["lag"], &lag["in_flight"]),
        (&json!(19), &json!(0)),
        "{lag}"
    );
}

#[test]
fn a_second_signal_ends_at_once_and_loses_nothing() {
    let store = Store::new();
    store.publish("t", "1\n");
    let mut consumer = store.start(&[
        "consume",
        "t",
        "-g",
        "g",
        "--lease",
        "0.5",
        "--exec",
        "echo started >> log; exec sleep 600",
    ]);
    store.await_lines("log", 1);
    consumer.signal("INT");
    consumer.signal("TERM");
    assert_eq!(consumer.ended().code(), Some(130));
    let rest = store
        .run(&["consume", "t", "-g", "g", "-n", "1", "-o", "payload"])
        .success();
    assert_eq!(rest.text(), "1\n");
}

#[test]
fn sigterm_ends_a_printing_consumer_with_nothing_held() {
    let store = Store::new();
    store.publish("t", &json_lines(10));
    let mut consumer = store.start(&["consume", "t", "-g", "g", "-o", "payload"]);
    let mut out = consumer.stdout();
    for _ in 0..10 {
        next_line(&mut out);
    }
    consumer.signal("TERM");
    assert!(consumer.ended().success());
    let lag = store.lag("t", "g");
    assert_eq!(
        (&lag["lag"], &lag["in_flight"]),
        (&json!(0), &json!(0)),
        "{lag}"
    );
}
