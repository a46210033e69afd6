//! Settings reach the client library, and it takes them.

use super::*;
use crate::config::{Address, Compression};

fn get<'a>(client: &'a ClientConfig, name: &str) -> &'a str {
    client.get(name).unwrap_or_else(|| panic!("no {name}"))
}

#[track_caller]
fn has(client: &ClientConfig, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(get(client, name), *value, "{name}");
    }
}

fn full() -> KafkaConfig {
    KafkaConfig::new()
        .servers([Address::new("a", 1), Address::new("::1", 2)])
        .login("u", "c4n4ry")
        .sasl(SaslMechanism::Plain)
        .name("app")
        .timeout(Duration::from_secs(7))
        .max_payload(2 << 20)
        .compression(Compression::Lz4)
        .linger(Duration::from_micros(1500))
        .session_timeout(Duration::from_secs(8))
        .instance("one")
        .read_buffer(8 << 20)
}

#[test]
fn every_client() {
    let client = full().client().unwrap();
    has(
        &client,
        &[
            ("bootstrap.servers", "a:1,[::1]:2"),
            ("client.id", "app"),
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "u"),
            ("sasl.password", "c4n4ry"),
            ("allow.auto.create.topics", "false"),
            ("socket.timeout.ms", "7000"),
            ("message.max.bytes", "2621440"),
        ],
    );
    assert!(!format!("{client:?}").contains("c4n4ry"));
    client.create_native_config().unwrap();
    let client = KafkaConfig::new().client().unwrap();
    assert_eq!(get(&client, "security.protocol"), "plaintext");
    assert_eq!(client.get("sasl.username"), None);
}

#[test]
fn producers() {
    let client = full().producer().unwrap();
    has(
        &client,
        &[
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("max.in.flight.requests.per.connection", "1"),
            ("message.timeout.ms", "7000"),
            ("linger.ms", "1.500"),
            ("compression.type", "lz4"),
            ("queue.buffering.max.messages", "100000"),
            ("queue.buffering.max.kbytes", "65536"),
        ],
    );
    let hasty = KafkaConfig::new().timeout(Duration::from_millis(100));
    let client = hasty.producer().unwrap();
    has(
        &client,
        &[("message.timeout.ms", "5000"), ("linger.ms", "0.000")],
    );
}

#[test]
fn members_of_groups() {
    let client = full().consumer("g").unwrap();
    has(
        &client,
        &[
            ("group.id", "g"),
            ("group.protocol", "classic"),
            ("group.instance.id", "one"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "earliest"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("session.timeout.ms", "8000"),
            ("heartbeat.interval.ms", "2000"),
            ("isolation.level", "read_committed"),
            ("check.crcs", "true"),
            ("queued.max.messages.kbytes", "8192"),
            ("fetch.message.max.bytes", "2621440"),
            ("fetch.max.bytes", "8388608"),
            ("receive.message.max.bytes", "41943040"),
            ("enable.partition.eof", "true"),
        ],
    );
    let client = full().group_protocol(GroupProtocol::Consumer);
    let client = client.consumer("g").unwrap();
    has(&client, &[("group.protocol", "consumer")]);
    for refused in [
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "partition.assignment.strategy",
    ] {
        assert_eq!(client.get(refused), None, "{refused}");
    }
}

/// The library checks how settings go together only when it makes a client; none is reached.
#[test]
fn the_library_takes_them_all() {
    use rdkafka::consumer::BaseConsumer;
    use rdkafka::producer::BaseProducer;

    let nowhere = || KafkaConfig::new().servers([Address::new("127.0.0.1", 1)]);
    for config in [
        nowhere(),
        nowhere().max_payload(16 << 20).read_buffer(64 << 10),
        nowhere().max_payload(0).read_buffer(1 << 30),
        nowhere().group_protocol(GroupProtocol::Consumer),
        nowhere().instance("one").linger(Duration::from_secs(1)),
        nowhere().timeout(Duration::from_millis(10)),
        nowhere().timeout(Duration::from_secs(3600)),
        nowhere().session_timeout(Duration::from_secs(300)),
        nowhere().login("u", "p").sasl(SaslMechanism::Plain),
        #[cfg(feature = "ssl")]
        nowhere().login("u", "p").sasl(SaslMechanism::ScramSha512),
        #[cfg(feature = "ssl")]
        nowhere().login("u", "p").tls(crate::TlsFiles::new()),
        #[cfg(feature = "zstd")]
        nowhere().compression(Compression::Zstd),
    ] {
        let made = config.producer().unwrap().create::<BaseProducer>();
        made.unwrap_or_else(|e| panic!("{config:?}: {e}"));
        let made = config.consumer("g").unwrap().create::<BaseConsumer>();
        made.unwrap_or_else(|e| panic!("{config:?}: {e}"));
    }
}

#[test]
fn a_password_file_is_read_when_it_is_needed() {
    let path = std::env::temp_dir().join(format!("glmsg-kafka-{}", std::process::id()));
    let config = KafkaConfig::new().login_from("u", &path);
    let config = config.sasl(SaslMechanism::Plain);
    let error = config.client().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    for password in ["one", "two"] {
        std::fs::write(&path, format!("{password}\r\n")).unwrap();
        assert_eq!(get(&config.client().unwrap(), "sasl.password"), password);
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_does_not_fit_makes_no_client() {
    let none = KafkaConfig::new().servers([]);
    let odd = KafkaConfig::new().servers([Address::new("a,b", 1)]);
    for config in [none, odd, KafkaConfig::new().partitions(0)] {
        let error = config.client().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    }
    assert_eq!(KafkaConfig::new().replication_factor(), -1);
    assert_eq!(KafkaConfig::new().replication(3).replication_factor(), 3);
}
