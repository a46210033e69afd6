//! What is found about servers.

use glmsg_broker::Durability;

use super::facts::Facts;
use super::*;
use crate::config::RedisConfig;

fn good() -> Facts {
    Facts {
        name: Some("redis".into()),
        version: Some("8".into()),
        eviction: Some("noeviction".into()),
        used_memory: Some(10),
        max_memory: Some(100),
        has_append_log: Some(true),
        append_fsync: Some("everysec".into()),
        pauses_fsync: Some(false),
        failed_write: None,
        denied_in_log: Some(Vec::new()),
        replicas: Some(1),
        min_replicas: Some(1),
        no_scripts: None,
        may_end: true,
        knows_waitaof: Some(true),
        knows_xackdel: Some(true),
        clock_ahead: Some(0.1),
    }
}

/// What is not as it should be.
fn bad(facts: &Facts, durability: Durability) -> Vec<Finding> {
    let config = RedisConfig::new().durability(durability);
    let findings = judge::all(facts, &config).into_iter();
    findings
        .filter(|finding| finding.severity != Severity::Ok)
        .collect()
}

#[test]
fn a_good_server_has_nothing_wrong() {
    for durability in [
        Durability::Local,
        Durability::Fsynced,
        Durability::Replicated(1),
    ] {
        assert_eq!(bad(&good(), durability), []);
    }
}

#[test]
fn each_fault_is_found_alone() {
    use Durability::{Fsynced, Local, Replicated};
    use Severity::{Problem, Warning};
    type Change = fn(&mut Facts);
    let cases: [(Change, Durability, Severity, &str); 24] = [
        (
            |f| f.eviction = Some("allkeys-lru".into()),
            Local,
            Problem,
            "allkeys-lru",
        ),
        (
            |f| f.eviction = Some("volatile-ttl".into()),
            Local,
            Warning,
            "volatile-ttl",
        ),
        (|f| f.eviction = None, Local, Warning, "does not say"),
        (|f| f.used_memory = Some(81), Local, Warning, "81 %"),
        (|f| f.max_memory = Some(0), Local, Warning, "no bound"),
        (|f| f.used_memory = None, Local, Warning, "memory"),
        (|f| f.has_append_log = Some(false), Local, Warning, "no log"),
        (
            |f| f.has_append_log = Some(false),
            Fsynced,
            Problem,
            "no log",
        ),
        (|f| f.has_append_log = None, Local, Warning, "log"),
        (
            |f| f.append_fsync = Some("no".into()),
            Local,
            Warning,
            "appendfsync",
        ),
        (
            |f| f.knows_waitaof = Some(false),
            Fsynced,
            Problem,
            "fsynced",
        ),
        (
            |f| f.replicas = Some(0),
            Replicated(1),
            Problem,
            "0 replicas",
        ),
        (
            |f| f.replicas = Some(1),
            Replicated(2),
            Problem,
            "replicated:2",
        ),
        (
            |f| f.denied_in_log = Some(vec!["XADD", "XACK"]),
            Local,
            Problem,
            "XADD and 1 more",
        ),
        (
            |f| f.replicas = None,
            Replicated(1),
            Warning,
            "does not say",
        ),
        (
            |f| f.min_replicas = Some(0),
            Replicated(1),
            Warning,
            "cut off",
        ),
        (
            |f| f.no_scripts = Some("NOPERM no".into()),
            Local,
            Problem,
            "NOPERM",
        ),
        (|f| f.may_end = false, Local, Warning, "connections"),
        (
            |f| f.failed_write = Some("its log"),
            Local,
            Problem,
            "its log",
        ),
        (
            |f| f.pauses_fsync = Some(true),
            Fsynced,
            Problem,
            "writes it anew",
        ),
        (
            |f| f.append_fsync = Some("no".into()),
            Fsynced,
            Warning,
            "appendfsync",
        ),
        (|f| f.clock_ahead = Some(1.5), Local, Warning, "1.5 s ahead"),
        (
            |f| f.clock_ahead = Some(-60.0),
            Local,
            Warning,
            "60.0 s behind",
        ),
        (|f| f.clock_ahead = None, Local, Warning, "time"),
    ];
    for (change, durability, severity, named) in cases {
        let mut facts = good();
        change(&mut facts);
        let found = bad(&facts, durability);
        assert_eq!(found.len(), 1, "{named}: {found:?}");
        assert_eq!(found[0].severity, severity, "{named}");
        assert!(found[0].what.contains(named), "{found:?}");
        assert!(found[0].remedy.is_some());
    }
    let mut facts = good();
    (facts.knows_waitaof, facts.append_fsync) = (Some(false), Some("always".into()));
    assert_eq!(bad(&facts, Fsynced), []);
}

#[test]
fn the_rights_of_the_default_user_matter_where_a_log_is_carried_out_with_them() {
    let without_rights = |change: fn(&mut Facts)| {
        let mut facts = good();
        facts.denied_in_log = Some(vec!["XADD"]);
        change(&mut facts);
        bad(&facts, Durability::Local)
    };
    assert_eq!(without_rights(|f| f.denied_in_log = None), []);
    let valkey = |f: &mut Facts| {
        (f.name, f.version) = (Some("valkey".into()), Some("9.0.1".into()));
    };
    assert_eq!(without_rights(valkey), []);
    let older = without_rights(|f| {
        (f.name, f.version) = (Some("valkey".into()), Some("8.1.0".into()));
    });
    assert_eq!(older.len(), 1);
    let without_log = without_rights(|f| f.has_append_log = Some(false));
    assert!(without_log.iter().all(|one| one.subject != "restart"));
}

#[test]
fn a_clock_that_has_gone_back_is_found() {
    use super::newest::Behind;
    let behind = |millis| {
        let topic = glmsg_core::TopicName::new("flights").unwrap();
        let by = Duration::from_millis(millis);
        judge::past(&Some(Behind { topic, by }))
    };
    assert_eq!(judge::past(&None), None);
    assert_eq!(behind(1000), None);
    let found = behind(60_500).unwrap();
    assert_eq!(found.severity, Severity::Warning);
    assert!(
        found.what.contains("flights") && found.what.contains("60.5 s"),
        "{found}"
    );
}
