//! What is wrong is said in one line: what, where, and what to do.

use glmsg_config::{Format, SettingsBuilder};

const YAML: &[(&str, &str)] = &[
    (
        "redis:\n  hots: a",
        "config: there is no key redis.hots (at: g.yaml:2); did you mean redis.host?",
    ),
    (
        "log_levl: INFO",
        "config: there is no key log_levl (at: g.yaml:1); did you mean log_level?",
    ),
    (
        "rediss:\n  host: a",
        "config: there is no key rediss (at: g.yaml:1); did you mean the section redis?",
    ),
    (
        "host: a",
        "config: there is no key host (at: g.yaml:1); did you mean redis.host?",
    ),
    (
        "redis:\n  colour: red",
        "config: there is no key redis.colour (at: g.yaml:2); glmsg config reference lists the keys of redis",
    ),
    (
        "colour: red",
        "config: there is no key colour (at: g.yaml:1); there are the sections redis, kafka, sqlite, topic, message, consumer, metrics, log, tracing; glmsg config reference lists all keys",
    ),
    (
        "redis.host: a",
        "config: there is no key redis.host (at: g.yaml:1); write host below redis, as in redis: { host: … }",
    ),
    (
        "redis:\n  host: a\n  port: 1\n  host: b",
        "config: redis.host is there twice, first in line 2 (at: g.yaml:4); keep one of them",
    ),
    (
        "redis:\n  host: a\nkafka:\nredis:\n  port: 1",
        "config: redis is there twice, first in line 1 (at: g.yaml:4); keep one of them",
    ),
    (
        "redis: a",
        "config: redis is a section of keys, and has a value (at: g.yaml:1); write its keys below it, indented",
    ),
    (
        "redis:\n  - host",
        "config: redis is a section of keys, and has a value (at: g.yaml:1); write its keys below it, indented",
    ),
    (
        "- a\n- b",
        "config: the file holds no keys (at: g.yaml:1); write it like redis: and below, indented, host: NAME",
    ),
    (
        "just a text",
        "config: the file holds no keys (at: g.yaml:1); write it like redis: and below, indented, host: NAME",
    ),
    (
        "? [a]\n: b",
        "config: a name of a key is no text (at: g.yaml:1); write it like host: NAME",
    ),
    (
        "redis:\n  port: 70000",
        "config: redis.port takes a whole number from 1 to 65535, not \"70000\" (at: g.yaml:2)",
    ),
    (
        "redis:\n  port: lots",
        "config: redis.port takes a whole number from 1 to 65535, not \"lots\" (at: g.yaml:2)",
    ),
    (
        "redis:\n  port: '6379'",
        "config: redis.port takes a whole number from 1 to 65535, not \"6379\" (at: g.yaml:2); take away the quotes",
    ),
    (
        "redis:\n  port: -1",
        "config: redis.port takes a whole number from 1 to 65535, not \"-1\" (at: g.yaml:2)",
    ),
    (
        "redis:\n  port: 1.5",
        "config: redis.port takes a whole number from 1 to 65535, not \"1.5\" (at: g.yaml:2)",
    ),
    (
        "redis:\n  port: [1]",
        "config: redis.port takes a whole number from 1 to 65535, not a list (at: g.yaml:2)",
    ),
    (
        "redis:\n  host: 5",
        "config: redis.host takes a text, not \"5\" (at: g.yaml:2); put it in quotes",
    ),
    (
        "redis:\n  host: ''",
        "config: redis.host is empty (at: g.yaml:2); give it a text, or take the key out",
    ),
    (
        "redis:\n  host: {a: b}",
        "config: redis.host takes a text, not a section (at: g.yaml:2)",
    ),
    (
        "redis:\n  socket_timeout: soon",
        "config: redis.socket_timeout takes a number from 0.1 to 3600, not \"soon\" (at: g.yaml:2)",
    ),
    (
        "redis:\n  socket_timeout: 0",
        "config: redis.socket_timeout takes a number from 0.1 to 3600, not \"0\" (at: g.yaml:2)",
    ),
    (
        "metrics_enabled: 1",
        "config: metrics_enabled takes true or false, not \"1\" (at: g.yaml:1)",
    ),
    (
        "metrics_enabled: 'true'",
        "config: metrics_enabled takes true or false, not \"true\" (at: g.yaml:1); take away the quotes",
    ),
    (
        "broker_type: reddis",
        "config: broker_type takes one of redis, kafka, sqlite, memory, not \"reddis\" (at: g.yaml:1); did you mean redis?",
    ),
    (
        "log_level: LOUD",
        "config: log_level takes one of DEBUG, INFO, WARNING, ERROR, not \"LOUD\" (at: g.yaml:1)",
    ),
    (
        "redis:\n  password: 0123",
        "config: redis.password takes a text (at: g.yaml:2); put it in quotes",
    ),
    (
        "redis:\n  nodes: []",
        "config: redis.nodes is empty (at: g.yaml:2); give it a list of texts, or a text with commas, or take the key out",
    ),
    (
        "kafka:\n  acks: 1",
        "config: kafka.acks takes all and nothing else, not \"1\" (at: g.yaml:2); take the key out: with 0 or 1 a message that was reported as stored is lost with one broker",
    ),
    (
        "redis:\n  decode_responses: true",
        "config: redis.decode_responses takes false and nothing else, not \"true\" (at: g.yaml:2); take the key out: payloads are bytes, and reach a handler as they were sent",
    ),
    (
        "redis:\n  host: |\n    a\n    b",
        "config: redis.host has a line break or the like in it (at: g.yaml:2); write it on one line",
    ),
    (
        "redis:\n  host: a:6379",
        "config: redis.host holds a port, too (at: g.yaml:2); write the port as redis.port",
    ),
    (
        "redis:\n  username: u",
        "config: there is redis.username and no password (at: g.yaml:2); set redis.password, by GLMSG_REDIS__PASSWORD say, or redis.password_file",
    ),
    (
        "redis:\n  tls_ca: /ca.pem",
        "config: redis.tls_ca is for TLS, and redis.tls is false (at: g.yaml:2); set redis.tls to true",
    ),
    (
        "redis:\n  mode: sentinel",
        "config: redis.mode is sentinel, and redis.master is missing (at: g.yaml:2); set redis.master to what the sentinels call the master",
    ),
    (
        "redis:\n  master: m",
        "config: redis.master is for sentinels, and redis.mode is single (at: g.yaml:2); set redis.mode to sentinel",
    ),
    (
        "redis:\n  nodes: [a, b]",
        "config: redis.nodes is for several, and redis.mode is single (at: g.yaml:2); set redis.mode to sentinel or cluster, or use redis.host",
    ),
    (
        "redis:\n  password: a\n  password_file: b",
        "config: there are redis.password and redis.password_file (at: g.yaml:2); keep one of them",
    ),
    (
        "redis:\n  max_stream_length: 5\ntopic:\n  max_len: 6",
        "config: redis.max_stream_length and topic.max_len say different things (at: g.yaml:2); keep topic.max_len",
    ),
    (
        "broker: redis://a\nredis:\n  port: 7",
        "config: redis.port has no effect beside broker, which is set by g.yaml:1 (at: g.yaml:3); say it in the address, or take broker away and name the broker by its section",
    ),
    (
        "broker: nonsense",
        "config: broker is no address of a broker (at: g.yaml:1); write it like redis://HOST:6379, kafka://HOST:9092 or sqlite:PATH",
    ),
    (
        "kafka:\n  sasl_username: u",
        "config: kafka.sasl_username is for a login, and kafka.security_protocol is PLAINTEXT (at: g.yaml:2); set kafka.security_protocol to SASL_SSL or SASL_PLAINTEXT",
    ),
    (
        "kafka:\n  security_protocol: SASL_SSL",
        "config: kafka.security_protocol is SASL_SSL, and kafka.sasl_username is missing (at: g.yaml:2); set it, and a password",
    ),
    (
        "kafka:\n  namespace: n\ntopic:\n  max_len: 5",
        "config: topic.max_len has no effect on kafka (at: g.yaml:4); take it out, or use a broker that has it",
    ),
    (
        "topic:\n  frames: 5",
        "config: topic.frames has no effect on sqlite (at: g.yaml:2); take it out, or use a broker that has it",
    ),
    (
        "consumer:\n  group: a b",
        "config: consumer.group is no name of a group (at: g.yaml:2); invalid group name: ' ' is not allowed",
    ),
    (
        "metrics:\n  listen: localhost",
        "config: metrics.listen takes an IP address (at: g.yaml:2); write it like 127.0.0.1 or 0.0.0.0; the port is prometheus_port",
    ),
    (
        "tracing:\n  endpoint: https://h:4318",
        "config: tracing.endpoint does not speak https (at: g.yaml:2); let a collector nearby do that, and name it like http://HOST:4318",
    ),
    (
        "tracing:\n  endpoint: here",
        "config: tracing.endpoint is no address (at: g.yaml:2); write it like http://HOST:4318",
    ),
    (
        "sqlite:\n  path: ':memory:'",
        "config: sqlite.path :memory: would not be durable (at: g.yaml:2); name a file, or set broker_type: memory",
    ),
    (
        "redis:\n\thost: a",
        "config: this is no YAML: tabs disallowed within this context (block indentation) (at: g.yaml:2)",
    ),
    (
        "redis: {host: a",
        "config: this is no YAML: while parsing a flow mapping, did not find expected ',' or '}' (at: g.yaml:2)",
    ),
    (
        "redis:\n  host: \"a",
        "config: this is no YAML: while scanning a quoted scalar, found unexpected end of stream (at: g.yaml:2)",
    ),
    (
        "redis: &a\n  host: a",
        "config: there is an anchor (&) (at: g.yaml:1); write the value out where it is needed",
    ),
    (
        "redis: *a",
        "config: this is no YAML: while parsing node, found unknown anchor (at: g.yaml:1)",
    ),
    (
        "redis:\n  <<: {host: a}",
        "config: there is a merge key (<<) (at: g.yaml:2); write the value out where it is needed",
    ),
    (
        "redis:\n  host: !!str a",
        "config: there is a tag (!) (at: g.yaml:2); take it out: the key says what its value is",
    ),
    (
        "a: b\n---\nc: d",
        "config: a second document begins (at: g.yaml:2); keep one document in a file",
    ),
    (
        "a: [[[[[[[[a]]]]]]]]",
        "config: there are values in values in values (at: g.yaml:1); a file has sections, and sections have keys",
    ),
    (
        "a: \0",
        "config: there is a zero byte (at: g.yaml:1); save the file as text",
    ),
];

const NAMES: &[(&str, &str)] = &[
    (
        "redis:\n  durability: sometimes",
        "config: redis.durability takes local, fsynced or replicated:N (at: g.yaml:2)",
    ),
    (
        "redis:\n  namespace: a/b",
        "config: redis.namespace takes up to 64 of A-Z, a-z, 0-9 and _- (at: g.yaml:2)",
    ),
    (
        "kafka:\n  client_name: a b",
        "config: kafka.client_name takes up to 64 visible ASCII characters without a space (at: g.yaml:2)",
    ),
];

const TOML: &[(&str, &str)] = &[
    (
        "[redis]\nhots = \"a\"",
        "config: there is no key redis.hots (at: g.toml:2); did you mean redis.host?",
    ),
    (
        "[redis]\nport = \"6379\"",
        "config: redis.port takes a whole number from 1 to 65535, not \"6379\" (at: g.toml:2); take away the quotes",
    ),
    (
        "[redis]\nport = 0x18eb",
        "config: a number is not decimal (at: g.toml:2); write it in tens",
    ),
    (
        "[redis]\nhost = a",
        "config: this is no TOML: string values must be quoted, expected literal string (at: g.toml:2)",
    ),
    (
        "[redis]\nhost = \"a\"\nhost = \"b\"",
        "config: this is no TOML: duplicate key (at: g.toml:3)",
    ),
    (
        "redis = 5",
        "config: redis is a section of keys, and has a value (at: g.toml:1); write its keys below it, indented",
    ),
    (
        "[[redis]]\nhost = \"a\"",
        "config: redis is a section of keys, and has a value (at: g.toml:1); write its keys below it, indented",
    ),
];

const JSON: &[(&str, &str)] = &[
    (
        "{\n  \"redis\": {\n    \"hots\": \"a\"\n  }\n}",
        "config: there is no key redis.hots (at: g.json:3); did you mean redis.host?",
    ),
    (
        "{\n  \"redis\": { \"port\": \"6379\" }\n}",
        "config: redis.port takes a whole number from 1 to 65535, not \"6379\" (at: g.json:2); take away the quotes",
    ),
    (
        "{ \"redis\": { \"host\": \"a\", } }",
        "config: this is no JSON: key must be a string (at: g.json:1)",
    ),
    (
        "{ \"redis\": { \"host\": \"a\", \"host\": \"b\" } }",
        "config: redis.host is there twice, first in line 1 (at: g.json:1); keep one of them",
    ),
    (
        "{ // no\n}",
        "config: this is no JSON: key must be a string (at: g.json:1)",
    ),
    (
        "[]",
        "config: the file holds no object (at: g.json:1); write it like { \"redis\": { \"host\": \"NAME\" } }",
    ),
    (
        "{",
        "config: this is no JSON: EOF while parsing an object (at: g.json:1)",
    ),
];

const VARIABLES: &[(&str, &str, &str)] = &[
    (
        "GLMSG_REDIS__HOTS",
        "a",
        "config: the variable GLMSG_REDIS__HOTS names no key; did you mean GLMSG_REDIS__HOST?",
    ),
    (
        "GLMSG_REDIS_HOST",
        "a",
        "config: the variable GLMSG_REDIS_HOST names no key; did you mean GLMSG_REDIS__HOST?",
    ),
    (
        "GLMSG_redis__host",
        "a",
        "config: the variable GLMSG_redis__host names no key; did you mean GLMSG_REDIS__HOST?",
    ),
    (
        "GLMSG_COLOUR__RED",
        "a",
        "config: the variable GLMSG_COLOUR__RED names no key; a key of a section is GLMSG_SECTION__KEY; unset what is not meant for glmsg",
    ),
    (
        "GLMSG_PROFIL",
        "production",
        "config: the variable GLMSG_PROFIL names no key; did you mean GLMSG_PROFILE?",
    ),
    (
        "GLMSG_LOGLEVEL",
        "INFO",
        "config: the variable GLMSG_LOGLEVEL names no key; did you mean GLMSG_LOG_LEVEL?",
    ),
    (
        "GLMSG_REDIS__PORT",
        "lots",
        "config: redis.port takes a whole number from 1 to 65535, not \"lots\" (at: GLMSG_REDIS__PORT)",
    ),
    (
        "GREENLANG_REDIS_HOTS",
        "a",
        "config: the variable GREENLANG_REDIS_HOTS names no key; did you mean GREENLANG_REDIS_HOST?",
    ),
    (
        "GREENLANG_BROKER_TYP",
        "redis",
        "config: the variable GREENLANG_BROKER_TYP names no key; did you mean GREENLANG_BROKER_TYPE?",
    ),
    (
        "GREENLANG_METRICS_ENABLED",
        "maybe",
        "config: metrics_enabled takes true or false, not \"maybe\" (at: GREENLANG_METRICS_ENABLED)",
    ),
    (
        "GLMSG_BROKER",
        "nonsense",
        "config: broker is no address of a broker (at: GLMSG_BROKER); write it like redis://HOST:6379, kafka://HOST:9092 or sqlite:PATH",
    ),
];

fn assert_lines(format: Format, name: &str, cases: &[(&str, &str)]) {
    for (text, line) in cases {
        let built = SettingsBuilder::new()
            .text(name, format, text)
            .and_then(SettingsBuilder::build);
        let error = built.expect_err(text).to_string();
        assert_eq!(error, *line, "{text}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn malformed_yaml_is_told_in_one_line() {
    assert_lines(Format::Yaml, "g.yaml", YAML);
    assert_lines(Format::Yaml, "g.yaml", NAMES);
}

#[test]
fn malformed_toml_is_told_in_one_line() {
    assert_lines(Format::Toml, "g.toml", TOML);
}

#[test]
fn malformed_json_is_told_in_one_line() {
    assert_lines(Format::Json, "g.json", JSON);
}

#[test]
fn malformed_variables_are_told_in_one_line() {
    for (name, value, line) in VARIABLES {
        let built = SettingsBuilder::new()
            .variables([(name, value)])
            .and_then(SettingsBuilder::build);
        let error = built.expect_err(name).to_string();
        assert_eq!(error, *line, "{name}");
    }
}

#[test]
fn a_file_that_is_none_is_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    for (path, told) in [
        (dir.path().join("none.yaml"), "none.yaml"),
        (file("g.ini", b""), "call it .yaml, .yml, .toml or .json"),
        (file("glmsg", b""), "call it .yaml, .yml, .toml or .json"),
        (file("latin.yaml", b"a: 1\nb: \xe9\n"), "latin.yaml:2"),
        (file("utf16.yaml", b"\xff\xfea\x00"), "save it as UTF-8"),
        (file("large.yaml", &vec![b' '; 1 << 21]), "over 64 KiB"),
        (dir.path().join("."), "tells no format"),
    ] {
        let error = SettingsBuilder::new().file(&path).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    std::fs::create_dir(dir.path().join("dir.yaml")).unwrap();
    let error = SettingsBuilder::new().file(dir.path().join("dir.yaml"));
    assert!(error.unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn a_bomb_of_aliases_costs_nothing() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for n in 1..30 {
        let last = n - 1;
        text += &format!("a{n}: &a{n} [*a{last}, *a{last}, *a{last}, *a{last}]\n");
    }
    let error = SettingsBuilder::new().text("g.yaml", Format::Yaml, &text);
    assert_eq!(
        error.unwrap_err().to_string(),
        "config: there is an anchor (&) (at: g.yaml:1); write the value out where it is needed"
    );
}
