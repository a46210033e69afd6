//! Defaults, files, environment, code: who has the last word.

use glmsg_config::{Format, Origin, Settings, SettingsBuilder};

const FILE: &str = "redis:\n  host: file\n  port: 1001\n  db: 1\n  namespace: file\n";

#[test]
fn a_later_layer_wins_key_by_key_whatever_the_order_of_the_calls() {
    let variables = [
        ("GREENLANG_REDIS_HOST", "original"),
        ("GREENLANG_REDIS_PORT", "1002"),
        ("GLMSG_REDIS__PORT", "1003"),
        ("GLMSG_REDIS__DB", "3"),
    ];
    let one = SettingsBuilder::new()
        .text("a.yaml", Format::Yaml, FILE)
        .and_then(|it| it.variables(variables))
        .and_then(|it| it.set("redis.db", 4));
    let other = SettingsBuilder::new()
        .set("redis.db", 4)
        .and_then(|it| it.variables(variables))
        .and_then(|it| it.text("a.yaml", Format::Yaml, FILE));
    for builder in [one, other] {
        let settings = builder.unwrap().build().unwrap();
        assert_eq!(
            settings.broker().reveal(),
            "redis://original:1003/4?namespace=file"
        );
        for (key, origin) in [
            ("redis.host", "GREENLANG_REDIS_HOST"),
            ("redis.port", "GLMSG_REDIS__PORT"),
            ("redis.db", "set by the program"),
            ("redis.namespace", "a.yaml:5"),
            ("redis.mode", "default"),
        ] {
            assert_eq!(settings.origin(key).to_string(), origin, "{key}");
        }
    }
}

#[test]
fn of_two_files_the_later_wins() {
    let settings = SettingsBuilder::new()
        .text("a.yaml", Format::Yaml, FILE)
        .unwrap()
        .text("b.toml", Format::Toml, "[redis]\nhost = \"b\"\n")
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(
        settings.broker().reveal(),
        "redis://b:1001/1?namespace=file"
    );
}

#[test]
fn the_formats_say_the_same() {
    let yaml = "profile: production\nredis:\n  port: 7000\n  nodes: [a, 'b:1']\n  mode: cluster\n  socket_timeout: 2.5\n  tls: yes\n";
    let toml = "profile = \"production\"\n[redis]\nport = 7_000\nnodes = [\"a\", \"b:1\"]\nmode = \"cluster\"\nsocket_timeout = 2.5\ntls = true\n";
    let json = "{\"profile\": \"production\",\n \"redis\": {\"port\": 7000, \"nodes\": [\"a\", \"b:1\"],\n \"mode\": \"cluster\", \"socket_timeout\": 2.5, \"tls\": true}}";
    for (name, format, text, line) in [
        ("x.yaml", Format::Yaml, yaml, 5),
        ("x.toml", Format::Toml, toml, 5),
        ("x.json", Format::Json, json, 3),
    ] {
        let settings = SettingsBuilder::new().text(name, format, text).unwrap();
        let settings = settings.build().unwrap();
        assert_eq!(
            settings.broker().reveal(),
            "rediss+cluster://a,b:1/0?timeout_ms=2500",
            "{name}"
        );
        let path = name.into();
        assert_eq!(settings.origin("redis.mode"), Origin::File { path, line });
    }
}

#[test]
fn what_says_nothing_is_all_defaults() {
    for text in [
        "",
        "\u{feff}",
        "# nothing\n",
        "---\n",
        "~",
        "redis:\nkafka: null\n",
    ] {
        let settings = SettingsBuilder::new().text("a.yml", Format::Yaml, text);
        let settings = settings.unwrap().build().unwrap();
        assert_eq!(settings.broker().reveal(), "sqlite:glmsg.db", "{text:?}");
        assert!(!settings.names_broker());
    }
    for (format, text) in [
        (Format::Toml, ""),
        (Format::Json, "{}"),
        (Format::Json, " \n"),
    ] {
        let settings = SettingsBuilder::new().text("a", format, text).unwrap();
        assert!(settings.build().is_ok());
    }
}

#[test]
fn an_empty_variable_is_as_if_it_were_not_there() {
    let settings = SettingsBuilder::new()
        .variables([
            ("GLMSG_REDIS__PASSWORD", ""),
            ("GLMSG_BROKER", ""),
            ("GLMSG_NO__KEY", ""),
        ])
        .unwrap();
    assert_eq!(
        settings.build().unwrap().broker().reveal(),
        "sqlite:glmsg.db"
    );
}

#[test]
fn variables_of_others_are_left_alone() {
    let others = [
        ("GLMSG_CONFIG", "x"),
        ("GLMSG_ID", "x"),
        ("GLMSG_TOPIC", "x"),
        ("GLMSG_KEY", "x"),
        ("GLMSG_ATTEMPT", "1"),
        ("GREENLANG_TEST_REDIS_URL", "redis://x"),
        ("GREENLANG_ENV", "prod"),
        ("HOME", "/"),
    ];
    let settings = SettingsBuilder::new().variables(others).unwrap();
    assert!(!settings.build().unwrap().names_broker());
}

#[test]
fn a_whole_address_wins_over_what_lower_layers_say_of_it() {
    let settings = SettingsBuilder::new()
        .text(
            "a.yaml",
            Format::Yaml,
            "redis: {host: db, batch_size: 7}\ntopic: {max_len: 9}\n",
        )
        .unwrap()
        .variables([("GLMSG_BROKER", "redis://other?max_age_s=5")])
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(
        settings.broker().reveal(),
        "redis://other?max_age_s=5&max_len=9"
    );
    assert_eq!(settings.consumer().prefetch, 7);
}

#[test]
fn settings_are_loaded_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("glmsg.json");
    std::fs::write(&path, "{\"sqlite\": {\"path\": \"a b.db\"}}").unwrap();
    let settings = Settings::load(Some(&path)).unwrap();
    assert_eq!(settings.broker().reveal(), "sqlite:a%20b.db");
    assert!(Settings::load(None).is_ok());
}
