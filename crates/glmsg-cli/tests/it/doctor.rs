//! How brokers are set up, as people and programs are told.

use glmsg_faults::server::RedisSetup;
use serde_json::{Value, json};

use crate::redis::Redis;
use crate::store::{Store, bare, finish};

/// The finding about a subject.
#[track_caller]
fn about<'a>(findings: &'a [Value], subject: &str) -> &'a Value {
    let mut about = findings.iter().filter(|f| f["subject"] == subject);
    let found = about.next();
    found.unwrap_or_else(|| panic!("nothing about {subject}: {findings:#?}"))
}

#[test]
fn a_file_is_looked_at_and_never_made() {
    let store = Store::new();
    store.run(&["doctor"]).fails(1, &["there is no broker"]);
    store.publish("t", "1\n");
    let findings = store.json(&["doctor"]);
    for subject in ["store", "integrity", "persistence", "journal", "log"] {
        assert_eq!(about(&findings, subject)["severity"], "ok", "{subject}");
    }
    let run = store.run(&["doctor"]).success();
    for words in ["SEVERITY", "integrity", "the file is sound"] {
        assert!(run.text().contains(words), "{}", run.text());
    }
    let run = finish(bare(&["--json", "--broker", "memory:", "doctor"]), b"");
    let findings = run.success().objects();
    let durability = about(&findings, "durability");
    assert_eq!(durability["severity"], "warning");
    assert!(durability["remedy"].is_string() && durability["broker"] == "memory:");
}

#[test]
fn a_server_that_is_set_up_well_has_no_problem() {
    let redis = Redis::set_up(RedisSetup::default().args(["--maxmemory", "100mb"]));
    redis.run_with(&["publish", "t"], "1\n").success();
    let findings = redis.json(&["doctor"]);
    for finding in &findings {
        assert_eq!(finding["severity"], "ok", "{finding}");
        assert_eq!(finding["broker"], redis.place());
    }
    let fsync = about(&findings, "persistence")["what"].as_str().unwrap();
    assert!(fsync.ends_with("appendfsync always"), "{fsync}");
}

#[test]
fn a_server_that_throws_messages_away_is_named_and_fails() {
    let redis = Redis::set_up(RedisSetup::default().maxmemory_policy("allkeys-lru"));
    let refused = redis.run_with(&["publish", "t"], "1\n");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);

    let run = redis.run(&["doctor"]).fails(1, &["1 problem: eviction"]);
    let first = run.lines()[1];
    assert!(first.starts_with("problem   eviction"), "{}", run.text());
    assert!(run.lines()[2].contains("-> set the server's maxmemory-policy"));
    let run = redis
        .run(&["--json", "doctor"])
        .fails_in_json(1, &["1 problem"]);
    let findings = run.objects();
    assert_eq!(about(&findings, "eviction")["severity"], "problem");
    // It is looked at to the end.
    assert_eq!(about(&findings, "clock")["severity"], "ok");
}

#[test]
fn a_clock_that_has_gone_back_is_found() {
    let redis = Redis::set_up(RedisSetup::default().movable_clock());
    redis.run_with(&["publish", "t"], "1\n").success();
    redis.set_clock_offset(-3600);
    let findings = redis.json(&["doctor"]);
    let clock: Vec<&Value> = findings
        .iter()
        .filter(|f| f["subject"] == "clock")
        .collect();
    assert_eq!(clock.len(), 2, "{findings:#?}");
    let told = |part: &str| {
        let mut told = clock.iter();
        told.any(|f| f["severity"] == "warning" && f["what"].as_str().unwrap().contains(part))
    };
    assert!(
        told("behind of ours") && told("newest message of t"),
        "{clock:#?}"
    );
}

#[test]
fn a_server_that_is_not_there_is_one_object() {
    let redis = Redis::start();
    redis.kill();
    let run = redis
        .run(&["--json", "doctor"])
        .fails_in_json(1, &["listens"]);
    let findings = run.objects();
    assert_eq!(findings.len(), 1);
    let open = &findings[0];
    assert_eq!(
        (&open["subject"], &open["severity"]),
        (&json!("open"), &json!("problem"))
    );
    assert!(run.stderr.contains(open["what"].as_str().unwrap()));
}
