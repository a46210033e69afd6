//! What somebody who has not done this before is told.

use std::fs;

use serde_json::json;

use crate::store::{Store, bare, finish};

#[test]
fn a_path_that_cannot_be_seen_is_not_called_missing() {
    let store = Store::new();
    store
        .run(&["lag"])
        .fails(1, &["there is no broker", "is the path right?"]);
    // Permissions do not hold back every user that runs this; a file that is asked to be a
    // directory does.
    let file = store.file("file", "");
    let run = finish(
        bare(&["--broker", &format!("sqlite:{file}/broker.db"), "lag"]),
        b"",
    );
    assert!(!run.stderr.contains("there is no"), "{}", run.stderr);
    run.fails(1, &["cannot see whether", "directory"]);
    assert_eq!(fs::read(file).unwrap(), b"");
}

#[test]
fn a_group_that_consuming_creates_is_named_once() {
    let store = Store::new();
    let created = |args: &[&str]| {
        let run = store.run(&[&["consume", "t", "-w", "0"], args].concat());
        let run = run.success();
        let lines = run.stderr.lines().map(str::to_owned);
        lines
            .filter(|line| line.starts_with("created"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        created(&["-g", "g"]),
        ["created group g of t, from earliest; remove it with: glmsg groups delete t g"]
    );
    assert!(created(&["-g", "g"]).is_empty(), "it is there already");
    assert_eq!(
        created(&["-g", "h", "--start", "latest", "--exec", "true"]),
        ["created group h of t, from latest; remove it with: glmsg groups delete t h"]
    );
    assert!(created(&["-g", "i", "-q"]).is_empty());
    assert_eq!(created(&["-g", "j", "--json"]).len(), 1);
    store.run(&["groups", "delete", "t", "g"]).success();
    assert_eq!(created(&["-g", "g"]).len(), 1);
}

#[test]
fn times_are_written_as_people_write_them() {
    let store = Store::new();
    store.publish("t", "1\n");
    store.publish("t", "2\n");
    let replay = |args: &[&str]| {
        let args = [&["replay", "t", "-o", "payload"], args].concat();
        let run = store.run(&args).success();
        (run.text().to_owned(), run.stderr)
    };
    let all = ("1\n2\n".to_owned(), String::new());
    let none = (String::new(), "0 messages\n".to_owned());
    for from in ["2001-01-31", "2001-01-31 12:00:00", "7d", "24h"] {
        assert_eq!(replay(&["--from", from]), all, "{from}");
        assert_eq!(
            replay(&["--from", "earliest", "--to", from]),
            none,
            "{from}"
        );
    }
    assert_eq!(replay(&["--from", "2999-01-01"]), none);
    assert_eq!(replay(&["--from", "earliest", "--to", "2999-01-01"]), all);
    assert_eq!(replay(&["--from", "2999-01-01", "-q"]).1, "");
    let json = store.run(&["--json", "replay", "t", "--from", "2999-01-01"]);
    assert_eq!(json.success().stderr, "");

    // A time is where one range ends and the next begins.
    let stored = store.json(&["replay", "t", "--from", "earliest"]);
    let at = stored[1]["stored_at"].as_str().unwrap();
    let (before, _) = replay(&["--from", "earliest", "--to", at]);
    let (behind, _) = replay(&["--from", at]);
    assert_eq!(before + &behind, all.0);

    for (group, start, lag) in [("old", "24h", 2), ("new", "2999-01-01", 0)] {
        store
            .run(&["groups", "create", "t", group, "--start", start])
            .success();
        assert_eq!(store.lag("t", group)["lag"], lag, "{group}");
    }
    let consume = ["consume", "t", "-g", "g", "-n", "2", "-o", "payload"];
    let run = store.run(&[&consume[..], &["--start", "30m"]].concat());
    assert_eq!(run.success().text(), all.0);
    store
        .run(&["replay", "t", "--from", "2026"])
        .fails(2, &["2026-01-31", "24h"]);
    store
        .run(&["replay", "t", "--from", "earliest", "--to", "latest"])
        .fails(2, &["2026-01-31", "24h"]);
}

#[test]
fn one_is_one_and_an_error_points_at_the_command_it_is_about() {
    let store = Store::new();
    let stored = store.run_with(&["publish", "t"], "1\n").success();
    assert_eq!(stored.text(), "stored 1 message in t\n");
    let refuse = ["consume", "t", "-g", "g", "-n", "1", "--settle", "reject"];
    let refused = store.run(&refuse).success();
    assert!(refused.stderr.contains("refused 1 message\n"));
    let redriven = store.run(&["dlq", "redrive", "t", "-g", "g", "--all"]);
    assert_eq!(
        redriven.success().text(),
        "redriven 1 dead letter of g in t\n"
    );
    for (args, command) in [
        (&["dlq", "list", "t"][..], "dlq list"),
        (&["dlq", "show", "t", "--all"], "dlq show"),
        (&["dlq", "redrive", "t", "--all"], "dlq redrive"),
        (&["dlq", "purge", "t", "--all"], "dlq purge"),
        (&["consume", "t", "-w", "0"], "consume"),
    ] {
        let help = format!("see 'glmsg {command} --help'");
        store
            .run(args)
            .fails(2, &["--group", "consumer.group", &help]);
    }
}

#[test]
fn health_is_one_object_also_where_no_broker_opens() {
    let store = Store::new();
    let health = |broker: &str| {
        let run = store.run(&["--json", "--broker", broker, "health"]);
        let run = run.fails_in_json(1, &[]);
        let object = run.objects().remove(0);
        assert_eq!(run.lines().len(), 1, "{}", run.text());
        assert_eq!(
            (&object["broker"], &object["status"]),
            (&json!("sqlite"), &json!("unhealthy"))
        );
        assert_eq!(run.errors()[0]["message"], object["problem"]);
        object["problem"].to_string()
    };
    assert!(health(&store.url()).contains("no broker"));
    let noise = store.file("noise.db", "no database. ".repeat(1000));
    assert!(health(&format!("sqlite:{noise}")).contains("no SQLite database"));
    let human = store.run(&["health"]).fails(1, &["no broker"]);
    assert_eq!(human.text(), "");
}

#[test]
fn a_list_that_goes_to_a_file_has_the_whole_error() {
    let store = Store::new();
    store.publish("t", "1\n");
    let reason = "because ".repeat(30);
    let reason = reason.trim();
    let refuse = ["consume", "t", "-g", "g", "-n", "1", "--settle", "reject"];
    store
        .run(&[&refuse[..], &["--reason", reason]].concat())
        .success();
    let list = store.run(&["dlq", "list", "t", "-g", "g"]).success();
    assert!(list.text().contains(reason), "{}", list.text());
}

#[test]
fn a_full_topic_that_nobody_reads_asks_for_a_group() {
    let store = Store::new();
    store
        .run(&["topics", "create", "t", "--max-len", "1"])
        .success();
    store
        .run_with(&["publish", "t"], "1\n2\n")
        .fails(1, &["no group reads this topic", "create a group"]);
    store.run(&["groups", "create", "t", "g"]).success();
    store
        .run_with(&["publish", "t"], "2\n")
        .fails(1, &["not every group has acked", "consume the topic"]);
}
