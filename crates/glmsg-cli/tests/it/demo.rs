//! The main job, on every broker there is.

use serde_json::Value;

use crate::store::{Store, bare, finish, listing};

#[track_caller]
fn balanced(ledger: &Value) {
    for (name, count) in [
        ("published", 20_000),
        ("processed", 20_000),
        ("lost", 0),
        ("duplicates", 0),
        ("dead_lettered", 0),
        ("distance_miles", 14_476_934),
    ] {
        assert_eq!(ledger[name], count, "{name} in {ledger}");
    }
    for name in ["retried", "redelivered", "seconds", "messages_per_second"] {
        assert!(ledger[name].as_f64() > Some(0.0), "{name} in {ledger}");
    }
    for name in ["p50", "p95", "p99"] {
        assert!(
            ledger["latency_ms"][name].as_f64() > Some(0.0),
            "{name} in {ledger}"
        );
    }
    let airports = ledger["airports"].as_array().unwrap();
    assert_eq!(airports.len(), 10);
    let co2: Vec<f64> = airports
        .iter()
        .map(|a| a["kg_co2e"].as_f64().unwrap())
        .collect();
    assert!(co2.is_sorted_by(|a, b| a >= b), "{co2:?}");
}

#[test]
fn the_demo_balances_on_a_file_and_again_on_the_same() {
    let store = Store::new();
    for _ in 0..2 {
        let ledger = store.json(&["-q", "demo"]).pop().unwrap();
        assert_eq!(ledger["broker"], "sqlite");
        balanced(&ledger);
    }
    assert_eq!(store.json(&["lag", "flights"])[0]["lag"], 0);
}

#[test]
fn the_demo_balances_in_memory() {
    let run = finish(bare(&["--json", "--broker", "memory:", "demo"]), b"").success();
    let ledger = run.objects().pop().unwrap();
    assert_eq!(ledger["broker"], "memory");
    balanced(&ledger);
}

#[test]
fn frames_on_a_broker_without_them_are_refused_before_anything() {
    let store = Store::new();
    store.run(&["demo", "--frames"]).fails(
        2,
        &["sqlite has no frames", "leave --frames out", "redis://"],
    );
    assert!(store.json(&["topics"]).is_empty());
}

#[test]
fn the_demo_needs_nothing_and_leaves_nothing() {
    let store = Store::new();
    let temporary = store.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = bare(&["demo", "--factor", "0.5"]);
    command
        .current_dir(store.path("."))
        .env("TMPDIR", &temporary);
    let run = finish(command, b"").success();
    for words in ["published", "20 000", "redelivered", "p99", "ORD"] {
        assert!(run.text().contains(words), "{words} in {}", run.text());
    }
    assert_eq!(listing(&store.path(".")), ["tmp"]);
    assert!(listing(&temporary).is_empty());
}
