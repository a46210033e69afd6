//! Messages that nobody can handle, and what an operator does about them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::store::Store;

fn letters(store: &Store) -> Vec<Value> {
    store.json(&["dlq", "list", "t", "--group", "g"])
}

#[test]
fn what_always_fails_is_tried_four_times_and_redriven_once() {
    let store = Store::new();
    store.publish("t", "{\"bad\": 1.50}\n");
    let exec = "cat >/dev/null; echo $GLMSG_ATTEMPT >> tries; exit 3";
    store
        .run(&[
            "consume", "t", "--group", "g", "--count", "1", "--exec", exec,
        ])
        .success();
    assert_eq!(store.await_lines("tries", 4), "1\n2\n3\n4\n");

    let found = letters(&store);
    assert_eq!(found.len(), 1);
    let letter = &found[0];
    assert_eq!(letter["reason"], "max-retries");
    assert_eq!(letter["attempts"], 4);
    assert_eq!(letter["message"]["payload"], json!({"bad": 1.50}));
    let history = letter["history"].as_array().unwrap();
    assert_eq!(history.len(), 4);
    for attempt in history {
        assert_eq!(attempt["outcome"], "failed");
        assert!(
            attempt["error"].as_str().unwrap().contains("exit code 3"),
            "{attempt}"
        );
    }
    // At once, after 1 s, after 2 s: sooner would be wrong, later is the machine's business.
    let at = |n: usize| {
        history[n]["at"]
            .as_str()
            .unwrap()
            .parse::<glmsg::Timestamp>()
            .unwrap()
    };
    assert!(at(2).since(at(1)) >= Duration::from_secs(1));
    assert!(at(3).since(at(2)) >= Duration::from_secs(2));

    let id = letter["id"].as_str().unwrap();
    let shown = store
        .run(&["dlq", "show", "t", "--group", "g", "--id", id])
        .success();
    for words in [
        id,
        "max-retries",
        "exit code 3",
        "\"payload\":{\"bad\": 1.50}",
    ] {
        assert!(shown.text().contains(words), "{words} in {}", shown.text());
    }
    let done = store.json(&["dlq", "redrive", "t", "--group", "g", "--id", id]);
    assert_eq!(done[0]["redriven"], 1);
    store
        .run(&["dlq", "redrive", "t", "--group", "g", "--id", id])
        .fails(1, &["no such dead letter"]);
    let back = store
        .run(&["consume", "t", "--group", "g", "--wait", "1"])
        .success()
        .objects();
    assert_eq!(back.len(), 1);
    assert_eq!(
        (&back[0]["id"], &back[0]["attempt"]),
        (&json!(id), &json!(1))
    );
    assert!(letters(&store).is_empty());
}

#[test]
fn a_message_without_retries_is_tried_once() {
    let store = Store::new();
    store
        .run_with(&["publish", "t", "--max-retries", "0"], "1\n2\n")
        .success();
    store
        .run(&["consume", "t", "-g", "g", "-n", "2", "--exec", "exit 1"])
        .success();
    assert_eq!(letters(&store).len(), 2);
}

#[test]
fn letters_are_chosen_by_id_by_reason_by_number_or_all() {
    let store = Store::new();
    store.publish("t", "1\n2\n3\n4\n5\n");
    store
        .run(&[
            "consume",
            "t",
            "-g",
            "g",
            "-n",
            "5",
            "--settle",
            "reject",
            "--reason",
            "no \u{1b}[2J good",
        ])
        .success();
    let all = letters(&store);
    assert_eq!(all.len(), 5);
    assert!(
        !all[0]["detail"].as_str().unwrap().contains('\u{1b}'),
        "{}",
        all[0]
    );
    let list = store
        .run(&["dlq", "list", "t", "-g", "g", "--limit", "2"])
        .success();
    assert_eq!(list.lines().len(), 3, "a header and two: {}", list.text());
    assert!(list.stderr.contains("more than 2"), "{}", list.stderr);

    store
        .run(&["dlq", "redrive", "t", "-g", "g"])
        .fails(2, &["--id", "--all", "--reason"]);
    store
        .run(&["dlq", "list", "t", "-g", "g", "--reason", "bored"])
        .fails(2, &["reason"]);
    let count = |args: &[&str]| {
        let args = [&["dlq", "redrive", "t", "-g", "g"], args].concat();
        store.json(&args)[0]["redriven"].clone()
    };
    assert_eq!(count(&["--reason", "expired"]), 0);
    assert_eq!(count(&["--all", "--limit", "1"]), 1);
    let id = letters(&store)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(count(&["--id", &id]), 1);
    assert_eq!(
        store.json(&["dlq", "purge", "t", "-g", "g", "--all"])[0]["purged"],
        3
    );
    assert!(letters(&store).is_empty());
    // Another group never saw any of it.
    let other = store
        .run(&["consume", "t", "-g", "h", "-w", "0.5"])
        .success();
    assert_eq!(other.lines().len(), 5);
}
