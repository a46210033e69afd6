//! What an operator looks at.

use serde_json::{Value, json};

use crate::redis::Redis;
use crate::store::{Store, bare, finish, json_lines};

#[test]
fn topics_groups_and_lag_are_told_to_people_and_to_programs() {
    let store = Store::new();
    let config = [
        "topics",
        "create",
        "orders",
        "--max-len",
        "50",
        "--max-age",
        "1h",
        "--overflow",
        "drop-oldest",
    ];
    store.run(&config).success();
    store.publish("flights", &json_lines(10));
    store
        .run(&[
            "groups",
            "create",
            "flights",
            "audit",
            "--start",
            "latest",
            "--ordering",
            "per-key",
        ])
        .success();
    store
        .run(&["groups", "create", "flights", "audit"])
        .fails(1, &["audit"]);
    let kept = store.json(&["groups", "create", "flights", "audit", "--if-missing"]);
    assert_eq!(kept[0]["done"], "kept");
    store
        .run(&["consume", "flights", "-g", "work", "-n", "4"])
        .success();

    let topics = store.json(&["topics"]);
    assert_eq!(topics.len(), 2);
    assert_eq!(topics[0]["topic"], "flights");
    assert_eq!(
        (&topics[0]["messages"], &topics[0]["groups"]),
        (&json!(10), &json!(2))
    );
    assert_eq!(topics[1]["max_len"], 50);
    assert_eq!(topics[1]["max_age_seconds"], 3600.0);
    assert_eq!(topics[1]["overflow"], "drop-oldest");

    let groups = store.json(&["groups", "list", "flights"]);
    let names: Vec<&Value> = groups.iter().map(|g| &g["group"]).collect();
    assert_eq!(names, ["audit", "work"]);
    assert_eq!(groups[0]["ordering"], "per-key");

    let lag = store.lag("flights", "work");
    assert_eq!(
        (&lag["lag"], &lag["undelivered"], &lag["pending"]),
        (&json!(6), &json!(6), &json!(0))
    );
    assert!(lag["oldest_age_seconds"].is_number());
    assert_eq!(store.lag("flights", "audit")["lag"], 0);
    assert_eq!(store.json(&["lag"]).len(), 2);

    for args in [
        &["topics"][..],
        &["groups"],
        &["lag"],
        &["groups", "members", "flights", "work"],
    ] {
        let table = store.run(args).success();
        assert!(
            !table.text().contains('\u{1b}'),
            "no colours where no terminal is"
        );
        assert!(!table.text().is_empty());
    }

    store
        .run(&["groups", "delete", "flights", "audit"])
        .success();
    store.run(&["topics", "delete", "orders"]).success();
    store
        .run(&["topics", "delete", "orders"])
        .fails(1, &["orders"]);
    assert_eq!(store.json(&["topics"]).len(), 1);
    assert_eq!(store.json(&["groups"]).len(), 1);
}

#[test]
fn a_healthy_broker_says_so() {
    let store = Store::new();
    store.publish("t", "1\n");
    let health = store.json(&["health"]).remove(0);
    assert_eq!(
        (&health["status"], &health["broker"]),
        (&json!("healthy"), &json!("sqlite"))
    );
    assert!(
        store
            .run(&["health"])
            .success()
            .text()
            .starts_with("sqlite is healthy")
    );
}

#[test]
fn a_topic_is_read_again_whoever_has_acked_it() {
    let store = Store::new();
    store.publish("t", &json_lines(1200));
    store
        .run(&["consume", "t", "-g", "g", "-n", "1200"])
        .success();
    let all = store
        .run(&["replay", "t", "--from", "earliest", "-o", "payload"])
        .success();
    assert!(all.text() == json_lines(1200));
    let messages = store.json(&["replay", "t", "--from", "earliest", "--count", "3"]);
    assert_eq!(messages.len(), 3);
    assert!(messages[0]["stored_at"].is_string() && messages[0]["position"].is_string());
    let id = messages[2]["id"].as_str().unwrap();
    let rest = store
        .run(&["replay", "t", "--from", id, "-o", "payload"])
        .success();
    assert_eq!(rest.lines().len(), 1198);
    let at = messages[0]["stored_at"].as_str().unwrap();
    assert_eq!(
        store
            .run(&["replay", "t", "--from", at])
            .success()
            .lines()
            .len(),
        1200
    );
    let nothing = store
        .run(&["replay", "t", "--from", "2999-01-01T00:00:00Z"])
        .success();
    assert_eq!(nothing.text(), "");
}

#[test]
fn what_is_stored_verifies() {
    let store = Store::new();
    store.publish("t", &json_lines(1200));
    store.publish("u", "1\n");
    let found = store.json(&["verify"]);
    assert_eq!(
        found[0],
        json!({"topic": "t", "checked": 1200, "bad": 0, "ids": []})
    );
    assert_eq!(found[1]["checked"], 1);
    assert_eq!(
        store.run(&["verify", "u"]).success().text(),
        "u: 1 message checked, 0 bad\n"
    );
}

#[test]
fn what_was_changed_on_the_disk_is_found_and_not_passed_on() {
    let store = Store::new();
    store.publish("t", "\"good\"\n\"sent-like-this\"\n\"fine\"\n");
    let path = store.path("broker.db");
    let mut file = std::fs::read(&path).unwrap();
    let found = file
        .windows(14)
        .position(|bytes| bytes == b"sent-like-this");
    file[found.unwrap()] = b'b';
    std::fs::write(&path, file).unwrap();

    let run = store
        .run(&["--json", "verify"])
        .fails_in_json(1, &["1 of 3"]);
    let id = run.objects()[0]["ids"][0].as_str().unwrap().to_owned();
    assert!(store.run(&["verify"]).text().contains(&id));

    let run = store.run(&[
        "-q", "consume", "t", "-g", "g", "-w", "0.5", "-o", "payload",
    ]);
    assert_eq!(run.text(), "\"good\"\n\"fine\"\n");
    assert!(run.stderr.contains(&id), "{}", run.stderr);
    let exec = "cat >> got; echo >> got";
    store
        .run(&["consume", "t", "-g", "h", "-n", "3", "--exec", exec])
        .success();
    assert_eq!(
        std::fs::read_to_string(store.path("got")).unwrap(),
        run.text()
    );
    for group in ["g", "h"] {
        let letter = store.json(&["dlq", "list", "t", "-g", group]).remove(0);
        assert_eq!(
            (&letter["id"], &letter["reason"]),
            (&json!(id), &json!("bad-provenance"))
        );
    }
}

#[test]
fn a_quick_look_at_the_rates_leaves_nothing_behind() {
    let store = Store::new();
    store.publish("t", "1\n");
    let run = store.json(&[
        "bench",
        "--messages",
        "500",
        "--payload",
        "16",
        "--workers",
        "2",
    ]);
    for rate in ["publish_per_second", "consume_per_second"] {
        assert!(run[0][rate].as_f64() > Some(0.0), "{}", run[0]);
    }
    assert_eq!(store.json(&["topics"]).len(), 1);
    let text = store.run(&["bench", "--messages", "100"]).success();
    assert!(text.text().contains("not the benchmark"));
}

#[test]
fn every_shell_has_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = finish(bare(&["completions", shell]), b"").success();
        assert!(run.text().contains("consume"), "{shell}");
        assert!(!run.text().contains("--stall-after"), "{shell}");
    }
    finish(bare(&["completions", "tcsh"]), b"").fails(2, &["tcsh"]);
}

#[test]
fn help_and_version_are_no_errors() {
    for args in [
        &["--help"][..],
        &["--version"],
        &["help", "publish"],
        &["dlq", "redrive", "--help"],
    ] {
        let run = finish(bare(args), b"").success();
        assert!(!run.text().is_empty() && run.stderr.is_empty(), "{args:?}");
    }
    let run = finish(bare(&[]), b"");
    assert_eq!(run.code, Some(2));
}

#[test]
fn a_topic_gets_frames_where_the_broker_has_them() {
    let create = [
        "topics",
        "create",
        "t",
        "--frames",
        "50",
        "--frame-delay",
        "2ms",
    ];
    let store = Store::new();
    store.run(&create).fails(1, &["frames"]);
    assert!(store.json(&["topics"]).is_empty());

    let redis = Redis::start();
    redis.run(&["topics", "create", "plain"]).success();
    redis.run(&create).success();
    let topics = redis.json(&["topics"]);
    assert_eq!(topics[0]["frames"], Value::Null);
    assert_eq!(
        topics[1]["frames"],
        json!({ "max_messages": 50, "max_delay_ms": 2.0 })
    );
}
