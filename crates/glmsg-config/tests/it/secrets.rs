//! A secret is in the address, and nowhere else.

use glmsg_config::{Format, SettingsBuilder};

const CANARY: &str = "c4n4ry";

/// All that can be shown of settings.
fn shown(builder: SettingsBuilder) -> String {
    let mut shown = format!("{builder:?}\n{builder:#?}\n");
    match builder.build() {
        Ok(settings) => {
            assert!(
                settings.broker().reveal().contains(CANARY)
                    || settings.broker().scheme() == "sqlite"
            );
            shown += &format!("{settings:?}\n{settings:#?}\n{}\n", settings.broker());
            for entry in settings.entries() {
                shown += &format!("{entry}\n{entry:?}\n");
            }
        }
        Err(error) => shown += &format!("{error}\n{error:?}\n"),
    }
    shown
}

#[test]
fn a_secret_is_shown_nowhere() {
    let texts = [
        format!("redis: {{password: {CANARY}}}"),
        format!("redis: {{password: {CANARY}, username: u, mode: sentinel, master: m}}"),
        format!("redis: {{sentinel_password: {CANARY}, mode: sentinel, master: m}}"),
        format!("broker: redis://u:{CANARY}@h:1/2?name=x"),
        format!("broker: redis://u:{CANARY}@h\nredis: {{host: x}}"),
        format!("broker: kafka://u:{CANARY}@h?sasl=plain"),
        format!("broker: 'redis+sentinel://h/m?sentinel_password=p@{CANARY}'"),
        format!(
            "kafka: {{security_protocol: SASL_SSL, sasl_username: u, sasl_password: {CANARY}}}"
        ),
        format!(
            "broker_type: redis\nkafka: {{sasl_password: {CANARY}}}\nredis: {{password: {CANARY}}}"
        ),
        format!("kafka: {{sasl_password: {CANARY}}}"),
        format!("profile: production\nbroker: 'redis://:{CANARY}@h?eviction=warn'"),
    ];
    for text in texts {
        let builder = SettingsBuilder::new().text("glmsg.yaml", Format::Yaml, &text);
        let shown = shown(builder.unwrap());
        assert!(!shown.contains(CANARY), "{text}\n{shown}");
    }
}

#[test]
fn an_error_about_a_secret_does_not_repeat_it() {
    let secret = CANARY;
    for text in [
        format!("redis: {{pasword: {secret}}}"),
        format!("redis: {{password: [{secret}]}}"),
        format!("redis: {{password: {{a: {secret}}}}}"),
        format!("redis: {{host: 'u:{secret}@h'}}"),
        format!("redis: {{port: 'u:{secret}@h'}}"),
        format!("redis: {{nodes: ['u:{secret}@h'], mode: cluster}}"),
        format!("kafka: {{bootstrap_servers: 'u:{secret}@h'}}"),
        format!("broker: {secret}"),
        format!("tracing: {{endpoint: 'http://u:{secret}@h'}}"),
        format!("redis: {{password: '{secret}', password_file: x}}"),
        format!("redis:\n  password: \"{secret}\n"),
        format!("redis: &a {{password: {secret}}}"),
        format!("redis:\n  password: {secret}\n  password: {secret}"),
    ] {
        let built = SettingsBuilder::new()
            .text("glmsg.yaml", Format::Yaml, &text)
            .and_then(SettingsBuilder::build);
        let error = built.expect_err(&text);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(secret), "{text}: {shown}");
    }
    for (format, text) in [
        (Format::Toml, format!("[redis]\npassword = \"{secret}")),
        (Format::Toml, format!("[redis]\npassword = {secret}")),
        (
            Format::Json,
            format!("{{\"redis\": {{\"password\": \"{secret}}}"),
        ),
        (
            Format::Json,
            format!("{{\"redis\": {{\"password\": {secret}}}"),
        ),
    ] {
        let error = SettingsBuilder::new().text("x", format, &text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(secret), "{text}: {shown}");
    }
}

#[test]
fn secrets_are_read_from_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, format!("redis://:{CANARY}@h:1\n")).unwrap();
    let settings = SettingsBuilder::new()
        .variables([("GLMSG_BROKER_FILE", &file)])
        .unwrap();
    let settings = settings.build().unwrap();
    assert_eq!(settings.broker().reveal(), format!("redis://:{CANARY}@h:1"));

    std::fs::write(&file, format!("{CANARY}\n")).unwrap();
    let path = file.to_str().unwrap();
    let settings = SettingsBuilder::new()
        .set("redis.mode", "sentinel")
        .and_then(|it| it.set("redis.master", "m"))
        .and_then(|it| it.set("redis.sentinel_password_file", path))
        // The backend reads it anew at every connect.
        .and_then(|it| it.set("redis.password_file", "/run/secrets/redis"))
        .and_then(SettingsBuilder::build)
        .unwrap();
    assert_eq!(
        settings.broker().reveal(),
        format!(
            "redis+sentinel://localhost:6379/m/0?password_file=/run/secrets/redis&\
             sentinel_password={CANARY}"
        )
    );
    let missing = SettingsBuilder::new().set("broker_file", "/no/such/file");
    let error = missing.and_then(SettingsBuilder::build).unwrap_err();
    assert!(error.to_string().contains("/no/such/file"), "{error}");
}

#[test]
fn a_secret_of_a_higher_layer_takes_the_place_of_a_file() {
    let settings = SettingsBuilder::new()
        .text("a.yaml", Format::Yaml, "redis: {password_file: /x}")
        .and_then(|it| it.variables([("GLMSG_REDIS__PASSWORD", "y")]))
        .and_then(SettingsBuilder::build)
        .unwrap();
    assert_eq!(settings.broker().reveal(), "redis://:y@localhost:6379/0");
}
