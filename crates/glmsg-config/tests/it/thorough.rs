//! All mistakes at once: each where it is, and none that only follows from another.

use glmsg_config::{Format, SettingsBuilder};

/// What is told of a file in YAML and of variables.
fn told<const N: usize>(file: &str, variables: [(&str, &str); N]) -> Vec<String> {
    let builder = SettingsBuilder::new().thorough();
    let builder = builder
        .text("g.yaml", Format::Yaml, file)
        .expect("it goes on");
    let checked = builder.variables(variables).expect("it goes on").check();
    let mistakes = checked.err().unwrap_or_default();
    mistakes.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_told(file: &str, expected: &[&str]) {
    assert_eq!(told(file, []), expected, "{file}");
}

#[test]
fn mistakes_of_every_kind_are_told_in_one_go() {
    let file = "profil: production
redis:
  hots: a
  port: lots
  tls_ca: /ca
  tls_key: /key
  namespace: a/b
  username: u
consumer:
  group: a b
  group: c
metrics:
  listen: here
tracing:
  endpoint: https://h
topic: 5
";
    let mistakes = told(file, [("GLMSG_REDIS__DB", "x"), ("GLMSG_REDIS__HOTS", "a")]);
    let expected = [
        "config: consumer.group is there twice, first in line 10 (at: g.yaml:11); keep one of them",
        "config: there is no key profil (at: g.yaml:1); did you mean profile?",
        "config: there is no key redis.hots (at: g.yaml:3); did you mean redis.host?",
        "config: redis.port takes a whole number from 1 to 65535, not \"lots\" (at: g.yaml:4)",
        "config: topic is a section of keys, and has a value (at: g.yaml:16); write its keys below it, indented",
        "config: redis.db takes a whole number from 0 to 65535, not \"x\" (at: GLMSG_REDIS__DB)",
        "config: the variable GLMSG_REDIS__HOTS names no key; did you mean GLMSG_REDIS__HOST?",
        "config: redis.namespace takes up to 64 of A-Z, a-z, 0-9 and _- (at: g.yaml:7)",
        "config: redis.tls_ca is for TLS, and redis.tls is false (at: g.yaml:5); set redis.tls to true",
        "config: redis.tls_key is for TLS, and redis.tls is false (at: g.yaml:6); set redis.tls to true",
        "config: there is redis.username and no password (at: g.yaml:8); set redis.password, by GLMSG_REDIS__PASSWORD say, or redis.password_file",
        "config: metrics.listen takes an IP address (at: g.yaml:13); write it like 127.0.0.1 or 0.0.0.0; the port is prometheus_port",
        "config: tracing.endpoint does not speak https (at: g.yaml:15); let a collector nearby do that, and name it like http://HOST:4318",
    ];
    assert_eq!(mistakes, expected);
}

#[test]
fn what_contradicts_itself_is_told_for_each_key() {
    assert_told(
        "profile: production\ntopic:\n  overflow: drop-oldest\n  frame_delay_ms: 5\nredis:\n  eviction: warn\n  aof_enabled: false\n  master: m\n  max_stream_length: 5\n  password: a\n  password_file: b\n",
        &[
            "config: there are redis.password and redis.password_file (at: g.yaml:10); keep one of them",
            "config: redis.master is for sentinels, and redis.mode is single (at: g.yaml:8); set redis.mode to sentinel",
            "config: topic.frame_delay_ms is there without topic.frames (at: g.yaml:4); set topic.frames, too",
            "config: the profile production refuses redis.aof_enabled: false (at: g.yaml:7); set the server's appendonly to yes, and take the key out",
            "config: the profile production refuses eviction=warn (at: g.yaml:6); let a server that throws keys away be refused: refuse",
            "config: the profile production refuses overflow=drop-oldest (at: g.yaml:3); let a full topic refuse: reject",
        ],
    );
    assert_told(
        "broker: redis://a\nredis:\n  port: 7\nsqlite:\n  path: x\n",
        &[
            "config: redis.port has no effect beside broker, which is set by g.yaml:1 (at: g.yaml:3); say it in the address, or take broker away and name the broker by its section",
            "config: sqlite.path has no effect beside broker, which is set by g.yaml:1 (at: g.yaml:5); say it in the address, or take broker away and name the broker by its section",
        ],
    );
    assert_told(
        "kafka:\n  sasl_username: u\n  tls_ca: /ca\ntopic:\n  max_len: 5\n",
        &[
            "config: kafka.tls_ca is for TLS, and kafka.security_protocol is PLAINTEXT (at: g.yaml:3); set kafka.security_protocol to SSL or SASL_SSL",
            "config: kafka.sasl_username is for a login, and kafka.security_protocol is PLAINTEXT (at: g.yaml:2); set kafka.security_protocol to SASL_SSL or SASL_PLAINTEXT",
            "config: topic.max_len has no effect on kafka (at: g.yaml:5); take it out, or use a broker that has it",
        ],
    );
}

/// Whoever mends the first would wonder at the second.
#[test]
fn what_follows_from_another_mistake_is_not_told() {
    for file in [
        "redis:\n  tls: ture\n  tls_ca: /ca\n",
        "redis:\n  mode: sentinal\n  nodes: [a, b]\n  master: m\n  sentinel_username: u\n",
        "redis:\n  mode: sentinel\n  mastre: m\n",
        "redis:\n  username: u\n  pasword: p\n",
        "rediss:\n  host: a\ntopic:\n  frames: 5\n",
        "redis:\n  hots: a\ntopic:\n  frames: 5\n",
        "redis: on\ntopic:\n  frames: 5\n",
        "broker_type: redsi\ntopic:\n  frames: 5\n",
        "redis:\n  namespace: n\ntopic:\n  frames: lots\n  frame_delay_ms: 5\n",
        "kafka:\n  security_protocol: SASL\n  sasl_username: u\n  tls_ca: /ca\n",
        "kafka:\n  security_protocol: SASL_SSL\n  sasl_usrname: u\n  sasl_password: p\n",
        "kafka:\n  security_protocol: SASL_SSL\n  sasl_username: u\n  sasl_pasword: p\n",
    ] {
        assert_eq!(told(file, []).len(), 1, "{:?}", told(file, []));
    }
    // Nor of what cannot be read at all; what stands elsewhere is.
    let mistakes = told(
        "redis: {host: a",
        [("GLMSG_REDIS__MODE", "sentinel"), ("GLMSG_PROFIL", "x")],
    );
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(mistakes[0].contains("this is no YAML"), "{mistakes:?}");
    let variables = [
        ("GLMSG_REDIS__MODE", "sentinel"),
        ("GLMSG_REDIS__MASTRE", "m"),
    ];
    assert_eq!(told("", variables).len(), 1);
}

#[test]
fn all_formats_are_read_to_their_end() {
    for (format, file) in [
        (Format::Json, "{ \"redis\": { \"a\": 1 }, \"b\": 2 }"),
        (Format::Toml, "b = 2\n[redis]\na = 1\n"),
        (Format::Yaml, "redis:\n  a: 1\nb: 2\n"),
    ] {
        let builder = SettingsBuilder::new().thorough();
        let builder = builder.text("g", format, file).expect("it goes on");
        assert_eq!(builder.check().unwrap_err().len(), 2, "{format}");
    }
}

#[test]
fn what_makes_sense_is_built_either_way() {
    let builder = SettingsBuilder::new().thorough();
    let builder = builder.set("redis.host", "db").expect("a key");
    assert_eq!(builder.clone().check().unwrap().broker().scheme(), "redis");
    let builder = builder.set("redis.hots", "a").expect("it goes on");
    let builder = builder.set("redis.port", "b").expect("it goes on");
    assert_eq!(builder.clone().check().unwrap_err().len(), 2);
    let first = builder.build().unwrap_err().to_string();
    assert!(first.contains("redis.hots"), "{first}");
    let gone = SettingsBuilder::new().thorough();
    let gone = gone.file("/nowhere/glmsg.yaml").expect("it goes on");
    assert_eq!(gone.check().unwrap_err().len(), 1);
}
