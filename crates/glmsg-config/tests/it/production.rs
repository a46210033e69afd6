//! What the profile `production` refuses, and `development` lets be.

use glmsg_broker::Finding;
use glmsg_config::{Format, SettingsBuilder};

fn build(profile: &str, text: &str) -> Result<(), String> {
    let text = format!("profile: {profile}\n{text}");
    let settings = SettingsBuilder::new().text("glmsg.yaml", Format::Yaml, &text);
    let settings = settings.and_then(SettingsBuilder::build);
    settings.map(|_| ()).map_err(|e| e.to_string())
}

#[test]
fn what_loses_messages_is_refused() {
    for (text, named, line) in [
        ("broker_type: memory", "in memory", 2),
        ("broker: 'memory:'", "in memory", 2),
        ("topic: {overflow: drop-oldest}", "overflow=drop-oldest", 2),
        (
            "broker: 'sqlite:x?overflow=drop-oldest'",
            "overflow=drop-oldest",
            2,
        ),
        ("redis: {aof_enabled: false}", "redis.aof_enabled", 2),
        ("redis:\n  eviction: warn", "eviction=warn", 3),
        ("kafka: {replication_factor: 1}", "replication=1", 2),
        ("kafka: {min_insync: 1}", "min_insync=1", 2),
        (
            "broker: 'kafka://a?profile=development'",
            "profile=development",
            2,
        ),
    ] {
        let error = build("production", text).unwrap_err();
        assert!(error.contains("the profile production refuses"), "{error}");
        assert!(error.contains(named), "{error}");
        assert!(error.contains(&format!("glmsg.yaml:{line}")), "{error}");
        assert_eq!(build("development", text), Ok(()), "{text}");
    }
}

#[test]
fn what_loses_messages_is_refused_however_it_is_written() {
    for address in [
        "sqlite:x?overflow=drop%2Doldest",
        "redis://h?eviction=%77arn",
        "kafka://a?replication=01",
    ] {
        let error = build("production", &format!("broker: '{address}'")).unwrap_err();
        assert!(error.contains("the profile production refuses"), "{error}");
    }
}

#[test]
fn what_keeps_messages_is_taken() {
    for text in [
        "",
        "redis: {host: a}",
        "kafka: {replication_factor: 3, min_insync: 2}",
    ] {
        assert_eq!(build("production", text), Ok(()), "{text}");
    }
}

#[test]
fn kafka_is_told_of_the_profile() {
    let settings = SettingsBuilder::new()
        .set("profile", "production")
        .unwrap()
        .set("broker", "kafka://a")
        .unwrap();
    assert_eq!(
        settings.build().unwrap().broker().reveal(),
        "kafka://a?profile=production"
    );
}

#[test]
fn a_server_that_keeps_no_log_is_refused() {
    let without_log = [
        Finding::ok("eviction", "fine"),
        Finding::warning(
            "persistence",
            "the server keeps no log on its disk",
            "set it",
        ),
    ];
    let other = [Finding::warning("clock", "it is late", "set it")];
    let lost = [Finding::problem(
        "eviction",
        "it throws keys away",
        "set it",
    )];
    let settings = |profile| SettingsBuilder::new().set("profile", profile)?.build();
    let production = settings("production").unwrap();
    let error = production.check_findings(&without_log).unwrap_err();
    assert_eq!(
        error.to_string(),
        "config: the profile production refuses this broker: persistence: the server keeps no log on \
         its disk (at: set by the program); set it"
    );
    assert!(production.check_findings(&lost).is_err());
    assert!(production.check_findings(&other).is_ok());
    let development = settings("development").unwrap();
    assert!(development.check_findings(&without_log).is_ok());
}
