//! What settings say reaches the backends.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

use std::fmt::Debug;

use glmsg::Message;
use glmsg::config::{Form, Settings, keys};
use glmsg::redis::RedisConfig;
use glmsg::sqlite::SqliteConfig;

/// Another value than the default, and what it needs beside it.
fn other(name: &str) -> (&'static str, &'static [(&'static str, &'static str)]) {
    const SENTINEL: &[(&str, &str)] = &[("redis.mode", "sentinel"), ("redis.master", "m")];
    const TLS: &[(&str, &str)] = &[
        ("redis.tls", "true"),
        ("redis.tls_cert", "/c"),
        ("redis.tls_key", "/k"),
    ];
    match name {
        "redis.host" => ("db", &[]),
        "redis.port" => ("7000", &[]),
        "redis.mode" => ("cluster", &[]),
        "redis.nodes" => ("a,b:1", &[("redis.mode", "cluster")]),
        "redis.master" => ("main", SENTINEL),
        "redis.db" => ("4", &[]),
        "redis.username" => ("a:b@c", &[("redis.password", "p")]),
        "redis.password_file" | "redis.sentinel_password_file" => ("/p", &[]),
        "redis.sentinel_username" => (
            "u",
            &[
                ("redis.mode", "sentinel"),
                ("redis.master", "m"),
                ("redis.sentinel_password", "p"),
            ],
        ),
        "redis.tls" => ("true", &[]),
        "redis.tls_ca" | "redis.tls_cert" | "redis.tls_key" => ("/x", TLS),
        "redis.namespace" | "redis.client_name" => ("n", &[]),
        "redis.durability" => ("replicated:2", &[]),
        "redis.eviction" => ("warn", &[]),
        "redis.max_connections" => ("7", &[]),
        "redis.socket_timeout" => ("0.25", &[]),
        "redis.message_ttl_days" | "redis.dlq_ttl_days" | "redis.max_stream_length" => ("9", &[]),
        "topic.overflow" => ("drop-oldest", &[]),
        "topic.frame_delay_ms" => ("9", &[("topic.frames", "9")]),
        "sqlite.path" => ("/srv/a b?.db", &[]),
        "sqlite.max_file_size" => ("9000000", &[]),
        _ => ("9", &[]),
    }
}

fn read<C: Debug>(
    kind: &str,
    name: &str,
    from_url: impl Fn(&str) -> glmsg::Result<C>,
) -> (String, String) {
    let (value, beside) = other(name);
    let config = |set: Option<&str>| {
        let mut builder = Settings::builder().set("broker_type", kind).unwrap();
        for (key, value) in beside.iter().filter(|(key, _)| *key != name) {
            builder = builder.set(key, value).unwrap();
        }
        if let Some(value) = set {
            builder = builder.set(name, value).unwrap();
        }
        match builder.build() {
            Ok(settings) => match from_url(settings.broker().reveal()) {
                Ok(config) => format!("{config:?}"),
                Err(error) => format!("refused: {error}"),
            },
            Err(error) => format!("incomplete: {error}"),
        }
    };
    (config(None), config(Some(value)))
}

#[test]
fn what_a_key_says_of_an_address_the_backend_reads() {
    for key in keys() {
        let name = key.name();
        if matches!(key.form(), Form::Only(..) | Form::Secret) {
            continue;
        }
        let elsewhere = matches!(
            name,
            "redis.aof_enabled"
                | "redis.batch_size"
                | "redis.max_retries"
                | "redis.sentinel_password_file"
                | "message.max_retries"
        );
        let read = match key.section() {
            Some("redis" | "topic" | "message") if !elsewhere => {
                read("redis", name, RedisConfig::from_url)
            }
            Some("sqlite") => read("sqlite", name, SqliteConfig::from_url),
            _ => continue,
        };
        let (before, after) = read;
        assert!(!after.starts_with("refused"), "{name}: {after}");
        assert_ne!(before, after, "{name} has no effect");
    }
}

#[test]
fn any_password_reaches_redis_as_it_was() {
    for password in [
        "c4n4ry@/w:rd",
        "c4n4ry b&c=d?e#f%20",
        "é…c4n4ry",
        "c4n4ry\n",
    ] {
        let settings = Settings::builder()
            .set("redis.username", "u@:/")
            .and_then(|it| it.set("redis.password", password))
            .and_then(|it| it.build())
            .unwrap();
        let config = RedisConfig::from_url(settings.broker().reveal()).unwrap();
        assert_eq!(config.user.as_deref(), Some("u@:/"));
        assert_eq!(config.password.unwrap().reveal(), password);
    }
    let settings = Settings::builder()
        .set("redis.mode", "sentinel")
        .and_then(|it| it.set("redis.master", "m"))
        .and_then(|it| it.set("redis.sentinel_password", "c4n4ry@/w:rd&=?"))
        .and_then(|it| it.build())
        .unwrap();
    let config = RedisConfig::from_url(settings.broker().reveal()).unwrap();
    match config.server {
        glmsg::redis::Server::Sentinel { password, .. } => {
            assert_eq!(password.unwrap().reveal(), "c4n4ry@/w:rd&=?");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn topics_that_a_publish_creates_have_the_bounds_of_the_settings() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a b.db");
    for (kind, path) in [("memory", None), ("sqlite", Some(path))] {
        let mut builder = Settings::builder()
            .set("broker_type", kind)
            .and_then(|it| it.set("topic.max_len", 2))
            .and_then(|it| it.set("topic.max_age_s", 60))
            .and_then(|it| it.set("topic.dead_letter_age_s", 70))
            .and_then(|it| it.set("message.max_payload", 10))
            .unwrap();
        if let Some(path) = &path {
            builder = builder.set("sqlite.path", path.display()).unwrap();
        }
        let settings = builder.build().unwrap();
        let broker = glmsg::connect_with(&settings).await.unwrap();
        let message = || Message::builder("jobs").payload("x").build().unwrap();
        broker.publish(&[message()]).await.unwrap();
        let topics = broker.topics().await.unwrap();
        assert_eq!(topics[0].config, *settings.topic(), "{kind}");
        assert_eq!(topics[0].config.max_len, 2);
        assert_eq!(broker.capability().max_payload, 10);
        broker.close().await.unwrap();
    }
}

#[tokio::test]
async fn production_takes_a_file_that_keeps_messages() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::builder()
        .set("profile", "production")
        .and_then(|it| it.set("sqlite.path", dir.path().join("x.db").display()))
        .and_then(|it| it.build())
        .unwrap();
    let broker = glmsg::connect_with(&settings).await.unwrap();
    broker.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_breaker_opens_and_probes_as_the_settings_say() {
    use std::time::Duration;

    use glmsg::patterns::circuit_breaker::CircuitState;

    let settings = Settings::builder()
        .set("circuit_breaker_threshold", 2)
        .and_then(|it| it.set("circuit_breaker_timeout_seconds", 7))
        .and_then(|it| it.build())
        .unwrap();
    let breaker = glmsg::config::circuit_breaker("b", &settings)
        .unwrap()
        .unwrap();
    let fail = async || breaker.call(|| async { Err::<(), _>("no") }).await;
    let _ = fail().await;
    assert_eq!(breaker.state(), CircuitState::Closed);
    let _ = fail().await;
    assert_eq!(breaker.state(), CircuitState::Open);
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!(breaker.try_acquire().is_err());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(breaker.try_acquire().is_ok());
}
