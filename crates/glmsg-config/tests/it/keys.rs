//! Every key has an effect: a changed value changes what comes out.

use std::collections::BTreeSet;

use glmsg_config::{Settings, SettingsBuilder, keys};

/// A key, a value other than its default, what else is set, and what must come out of it: a part
/// of the address, of the typed settings, or of an error.
#[derive(Clone, Copy)]
struct Row {
    key: &'static str,
    value: &'static str,
    beside: &'static [(&'static str, &'static str)],
    effect: &'static str,
}

const fn row(key: &'static str, value: &'static str, effect: &'static str) -> Row {
    Row {
        key,
        value,
        beside: &[],
        effect,
    }
}

const fn with(beside: &'static [(&'static str, &'static str)], row: Row) -> Row {
    Row { beside, ..row }
}

const REDIS: &[(&str, &str)] = &[("broker_type", "redis")];
const KAFKA: &[(&str, &str)] = &[("broker_type", "kafka")];
const SQLITE: &[(&str, &str)] = &[("broker_type", "sqlite")];
const SENTINEL: &[(&str, &str)] = &[("redis.mode", "sentinel"), ("redis.master", "m")];
const TLS: &[(&str, &str)] = &[("redis.tls", "true")];
const PRODUCTION: &[(&str, &str)] = &[("broker_type", "redis"), ("profile", "production")];
const SASL: &[(&str, &str)] = &[
    ("kafka.security_protocol", "SASL_SSL"),
    ("kafka.sasl_username", "u"),
    ("kafka.sasl_password", "p"),
];
const SASL_BY_FILE: &[(&str, &str)] = &[
    ("kafka.security_protocol", "SASL_SSL"),
    ("kafka.sasl_username", "u"),
];
const SSL: &[(&str, &str)] = &[("kafka.security_protocol", "SSL")];

const ROWS: &[Row] = &[
    row("broker", "sqlite:other.db", "sqlite:other.db"),
    row("broker_file", "/no/such/file", "/no/such/file"),
    row("broker_type", "memory", "memory:"),
    with(
        &[("broker_type", "memory")],
        row("profile", "production", "the profile production refuses"),
    ),
    with(REDIS, row("redis.host", "db", "redis://db:6379/0")),
    with(REDIS, row("redis.port", "7000", "redis://localhost:7000/0")),
    with(
        REDIS,
        row("redis.mode", "cluster", "redis+cluster://localhost:6379/0"),
    ),
    with(
        &[("redis.mode", "cluster")],
        row("redis.nodes", "a,b:1", "redis+cluster://a,b:1/0"),
    ),
    with(
        SENTINEL,
        row(
            "redis.master",
            "main",
            "redis+sentinel://localhost:6379/main/0",
        ),
    ),
    with(REDIS, row("redis.db", "4", "redis://localhost:6379/4")),
    with(
        &[("redis.password", "p")],
        row("redis.username", "u", "redis://u:p@localhost"),
    ),
    with(REDIS, row("redis.password", "p", "redis://:p@localhost")),
    with(REDIS, row("redis.password_file", "/p", "?password_file=/p")),
    with(
        SENTINEL,
        row("redis.sentinel_username", "u", "sentinel_user=u"),
    ),
    with(
        SENTINEL,
        row("redis.sentinel_password", "p", "sentinel_password=p"),
    ),
    with(
        SENTINEL,
        row("redis.sentinel_password_file", "/no/such", "/no/such"),
    ),
    with(REDIS, row("redis.tls", "true", "rediss://localhost")),
    with(TLS, row("redis.tls_ca", "/ca", "ca=/ca")),
    with(TLS, row("redis.tls_cert", "/cert", "cert=/cert")),
    with(TLS, row("redis.tls_key", "/key", "key=/key")),
    with(REDIS, row("redis.namespace", "n", "namespace=n")),
    with(REDIS, row("redis.client_name", "n", "?name=n")),
    with(
        REDIS,
        row(
            "redis.durability",
            "replicated:2",
            "durability=replicated:2",
        ),
    ),
    with(REDIS, row("redis.eviction", "warn", "eviction=warn")),
    with(REDIS, row("redis.max_connections", "7", "connections=7")),
    with(REDIS, row("redis.socket_timeout", "0.25", "timeout_ms=250")),
    row(
        "redis.socket_connect_timeout",
        "1",
        "has the time of redis.socket_timeout",
    ),
    row("redis.decode_responses", "true", "payloads are bytes"),
    row("redis.encoding", "latin-1", "UTF-8"),
    with(
        PRODUCTION,
        row(
            "redis.aof_enabled",
            "false",
            "refuses redis.aof_enabled: false",
        ),
    ),
    row(
        "redis.rdb_enabled",
        "false",
        "snapshots are the server's affair",
    ),
    row("redis.consumer_timeout_ms", "100", "told by the server"),
    with(REDIS, row("redis.max_stream_length", "9", "max_len=9")),
    with(
        REDIS,
        row("redis.message_ttl_days", "2", "max_age_s=172800"),
    ),
    with(
        REDIS,
        row("redis.dlq_ttl_days", "2", "dead_letter_age_s=172800"),
    ),
    with(REDIS, row("redis.batch_size", "9", "prefetch: 9")),
    with(REDIS, row("redis.max_retries", "9", "max_retries: Some(9)")),
    with(
        KAFKA,
        row("kafka.bootstrap_servers", "a:1,b", "kafka://a:1,b"),
    ),
    with(KAFKA, row("kafka.security_protocol", "SSL", "tls=true")),
    with(SASL, row("kafka.sasl_mechanism", "PLAIN", "sasl=plain")),
    with(SASL, row("kafka.sasl_username", "v", "kafka://v:p@")),
    with(SASL, row("kafka.sasl_password", "q", "kafka://u:q@")),
    with(
        SASL_BY_FILE,
        row("kafka.sasl_password_file", "/p", "password_file=/p"),
    ),
    with(SSL, row("kafka.tls_ca", "/ca", "ca=/ca")),
    with(SSL, row("kafka.tls_cert", "/cert", "cert=/cert")),
    with(SSL, row("kafka.tls_key", "/key", "key=/key")),
    with(KAFKA, row("kafka.namespace", "n", "namespace=n")),
    with(KAFKA, row("kafka.client_name", "n", "?name=n")),
    with(KAFKA, row("kafka.timeout_ms", "250", "timeout_ms=250")),
    row("kafka.acks", "1", "is lost with one broker"),
    with(
        KAFKA,
        row("kafka.compression_type", "lz4", "compression=lz4"),
    ),
    with(KAFKA, row("kafka.linger_ms", "2.5", "linger_ms=2.5")),
    row(
        "kafka.batch_size",
        "1",
        "what comes within kafka.linger_ms goes together",
    ),
    row("kafka.max_in_flight_requests", "1", "up to 5 requests"),
    row("kafka.buffer_memory", "1", "bounded by glmsg itself"),
    with(
        KAFKA,
        row(
            "kafka.session_timeout_ms",
            "7000",
            "session_timeout_ms=7000",
        ),
    ),
    with(
        KAFKA,
        row(
            "kafka.group_protocol",
            "consumer",
            "group_protocol=consumer",
        ),
    ),
    with(KAFKA, row("kafka.instance", "i", "instance=i")),
    with(KAFKA, row("kafka.num_partitions", "9", "partitions=9")),
    with(KAFKA, row("kafka.replication_factor", "3", "replication=3")),
    with(KAFKA, row("kafka.min_insync", "2", "min_insync=2")),
    with(
        KAFKA,
        row("kafka.encoding", "envelope", "encoding=envelope"),
    ),
    with(
        KAFKA,
        row("kafka.stalled_after_ms", "1000", "stalled_after_ms=1000"),
    ),
    with(
        KAFKA,
        row("kafka.read_buffer", "65536", "read_buffer=65536"),
    ),
    with(KAFKA, row("kafka.group_id", "g", "group: Some(\"g\")")),
    with(
        KAFKA,
        row("kafka.auto_offset_reset", "latest", "start: Latest"),
    ),
    with(KAFKA, row("kafka.max_poll_records", "9", "prefetch: 9")),
    with(KAFKA, row("kafka.retention_hours", "2", "max_age_s=7200")),
    with(SQLITE, row("sqlite.path", "/srv/x.db", "sqlite:/srv/x.db")),
    with(
        SQLITE,
        row("sqlite.busy_timeout_ms", "9", "busy_timeout_ms=9"),
    ),
    with(SQLITE, row("sqlite.poll_ms", "9", "poll_ms=9")),
    with(
        SQLITE,
        row("sqlite.wal_autocheckpoint", "9", "wal_autocheckpoint=9"),
    ),
    with(
        SQLITE,
        row("sqlite.max_file_size", "9000", "max_file_size=9000"),
    ),
    row("topic.max_len", "9", "sqlite:glmsg.db?max_len=9"),
    row("topic.max_age_s", "9", "sqlite:glmsg.db?max_age_s=9"),
    row(
        "topic.dead_letter_age_s",
        "9",
        "sqlite:glmsg.db?dead_letter_age_s=9",
    ),
    row(
        "topic.overflow",
        "drop-oldest",
        "sqlite:glmsg.db?overflow=drop-oldest",
    ),
    with(REDIS, row("topic.frames", "9", "frames=9")),
    with(
        &[("broker_type", "redis"), ("topic.frames", "9")],
        row("topic.frame_delay_ms", "9", "frame_delay_ms=9"),
    ),
    row("message.max_payload", "9", "sqlite:glmsg.db?max_payload=9"),
    row("message.max_retries", "9", "max_retries: Some(9)"),
    row("consumer.group", "g", "group: Some(\"g\")"),
    row("consumer.start", "latest", "start: Latest"),
    row("consumer.prefetch", "9", "prefetch: 9"),
    row("consumer.workers", "9", "workers: Some(9)"),
    row("consumer.lease_ms", "900", "lease: 900ms"),
    row("metrics_enabled", "true", "enabled: true"),
    row("prometheus_port", "9999", "listen: 127.0.0.1:9999"),
    row("metrics.listen", "0.0.0.0", "listen: 0.0.0.0:9090"),
    row("health_check_interval_seconds", "9", "health: 9s"),
    row("log_level", "error", "level: Error"),
    row("log_messages", "true", "messages: true"),
    row("log.format", "json", "format: Json"),
    row(
        "tracing.endpoint",
        "http://h:4317",
        "endpoint: Some(\"http://h:4317\")",
    ),
    row("tracing.service_name", "s", "service_name: \"s\""),
    row("tracing.sample_ratio", "0.5", "sample_ratio: 0.5"),
    row("circuit_breaker_enabled", "false", "breaker: None"),
    row("circuit_breaker_threshold", "9", "threshold: 9"),
    row("circuit_breaker_timeout_seconds", "9", "timeout: 9s"),
];

/// All that settings do, as a text.
fn outcome(builder: SettingsBuilder) -> String {
    match builder.build() {
        Ok(settings) => seen(&settings),
        Err(error) => format!("error: {error}"),
    }
}

fn seen(settings: &Settings) -> String {
    format!(
        "{} {:?} {:?} {:?} {:?} {:?} breaker: {:?} health: {:?}",
        settings.broker().reveal(),
        settings.topic(),
        settings.consumer(),
        settings.metrics(),
        settings.log(),
        settings.tracing(),
        settings.circuit_breaker(),
        settings.health_interval(),
    )
}

/// What comes out of the settings, with a key of them set or not.
fn with_key(row: &Row, value: Option<&str>) -> String {
    let beside = row.beside.iter().filter(|(key, _)| *key != row.key);
    let mut builder = SettingsBuilder::new();
    for (key, value) in beside {
        builder = builder.set(key, value).unwrap();
    }
    if let Some(value) = value {
        builder = match builder.set(row.key, value) {
            Ok(builder) => builder,
            Err(error) => return format!("error: {error}"),
        };
    }
    outcome(builder)
}

#[test]
fn a_changed_value_changes_what_comes_out() {
    for row in ROWS {
        let changed = with_key(row, Some(row.value));
        assert!(
            changed.contains(row.effect),
            "{} = {} gives {changed}, without {}",
            row.key,
            row.value,
            row.effect
        );
        let unchanged = with_key(row, None);
        assert!(
            !unchanged.contains(row.effect),
            "{} has no effect: {unchanged}",
            row.key
        );
        // The default does what nothing does.
        if let Some(default) = keys()
            .find(|key| key.name() == row.key)
            .and_then(|key| key.default_text())
        {
            let default = with_key(row, Some(default));
            assert!(!default.contains(row.effect), "{}: {default}", row.key);
            assert!(!default.starts_with("error"), "{}: {default}", row.key);
        }
    }
}

#[test]
fn each_key_is_tried() {
    let tried: BTreeSet<&str> = ROWS.iter().map(|row| row.key).collect();
    let known: BTreeSet<&str> = keys().map(|key| key.name()).collect();
    let untried: Vec<_> = known.difference(&tried).collect();
    assert!(
        untried.is_empty(),
        "these keys have no row here: {untried:?}"
    );
    let gone: Vec<_> = tried.difference(&known).collect();
    assert!(gone.is_empty(), "these rows have no key: {gone:?}");
}

#[test]
fn each_key_has_a_variable() {
    for row in ROWS {
        let key = keys().find(|key| key.name() == row.key).unwrap();
        let by_variable = SettingsBuilder::new().variables([(key.variable(), row.value)]);
        let by_code = SettingsBuilder::new().set(row.key, row.value);
        match (by_variable, by_code) {
            (Ok(one), Ok(other)) => {
                let strip = |text: String| text.replace(&key.variable(), "set by the program");
                assert_eq!(strip(outcome(one)), outcome(other), "{}", row.key);
            }
            (Err(_), Err(_)) => {}
            _ => panic!("{} differs by who sets it", row.key),
        }
    }
}

/// On a broker, and not only in an address.
#[tokio::test]
async fn what_a_consumer_is_told_it_does() {
    use std::sync::Arc;

    use glmsg_broker::{Broker, BrokerExt};
    use glmsg_core::Message;
    use glmsg_memory::{MemoryBroker, MemoryConfig};

    let settings = SettingsBuilder::new()
        .set("broker", "memory:")
        .and_then(|it| it.set("consumer.group", "workers"))
        .and_then(|it| it.set("message.max_retries", 0))
        .and_then(|it| it.set("topic.max_len", 2))
        .and_then(SettingsBuilder::build)
        .unwrap();
    let config = MemoryConfig::from_url(settings.broker().reveal()).unwrap();
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::new(config));
    let (failed, mut failures) = tokio::sync::mpsc::unbounded_channel();
    let consumer = settings.consume(broker.clone(), "jobs").unwrap();
    let running = consumer
        .start(move |_: glmsg_broker::Incoming| {
            let _ = failed.send(());
            async { Err(glmsg_broker::HandlerError::retry("no")) }
        })
        .await
        .unwrap();
    broker
        .send(Message::builder("jobs").payload("x").build().unwrap())
        .await
        .unwrap();
    failures.recv().await.unwrap();
    running.shutdown().await.unwrap();
    // Without a retry it is a dead letter after the first attempt.
    let topics = broker.topics().await.unwrap();
    assert_eq!(topics[0].dead_letters, 1);
    assert_eq!(topics[0].config.max_len, 2);
}
