//! The original's file and variables, as they are.

use glmsg_config::SettingsBuilder;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/files/messaging.yaml");

#[test]
fn the_file_of_the_original_is_a_valid_file() {
    let settings = SettingsBuilder::new().file(FILE).unwrap().build().unwrap();
    assert_eq!(
        settings.broker().reveal(),
        "redis://localhost:6379/0?connections=50&timeout_ms=5000&max_len=100000&max_age_s=604800\
         &dead_letter_age_s=2592000"
    );
    assert_eq!(settings.consumer().prefetch, 10);
    assert_eq!(settings.max_retries(), Some(3));
    assert!(settings.metrics().enabled);
    // Of the other section, nothing.
    assert_eq!(settings.consumer().group, None);
}

#[test]
fn its_section_of_kafka_is_as_good() {
    let settings = SettingsBuilder::new().file(FILE).unwrap();
    let settings = settings.variables([("GREENLANG_BROKER_TYPE", "kafka")]);
    let settings = settings.unwrap().build().unwrap();
    assert_eq!(
        settings.broker().reveal(),
        "kafka://localhost:9092?compression=snappy&session_timeout_ms=10000&partitions=10\
         &replication=3&linger_ms=10&max_age_s=604800"
    );
    let consumer = settings.consumer();
    assert_eq!(consumer.prefetch, 500);
    assert_eq!(
        consumer.group.as_ref().unwrap().as_str(),
        "greenlang_agents"
    );
}

#[test]
fn each_of_its_variables_has_an_effect() {
    let redis = |name: &str, value: &str| {
        let settings = SettingsBuilder::new().variables([(name, value)]).unwrap();
        settings.build().unwrap()
    };
    for (name, value, url) in [
        ("GREENLANG_BROKER_TYPE", "redis", "redis://localhost:6379/0"),
        ("GREENLANG_REDIS_HOST", "redis", "redis://redis:6379/0"),
        ("GREENLANG_REDIS_PORT", "6380", "redis://localhost:6380/0"),
        (
            "GREENLANG_REDIS_PASSWORD",
            "h/s",
            "redis://:h%2Fs@localhost:6379/0",
        ),
        (
            "GREENLANG_REDIS_MAX_CONNECTIONS",
            "9",
            "redis://localhost:6379/0?connections=9",
        ),
        (
            "GREENLANG_KAFKA_BOOTSTRAP_SERVERS",
            "a:1,b:2",
            "kafka://a:1,b:2",
        ),
    ] {
        assert_eq!(redis(name, value).broker().reveal(), url, "{name}");
    }
    let group = redis("GREENLANG_KAFKA_GROUP_ID", "agents");
    assert_eq!(group.consumer().group.as_ref().unwrap().as_str(), "agents");
    let level = redis("GREENLANG_LOG_LEVEL", "warning").log().level;
    assert_eq!(level.as_str(), "warn");
    assert!(redis("GREENLANG_METRICS_ENABLED", "true").metrics().enabled);
}

#[test]
fn a_login_with_any_letters_reaches_the_address_whole() {
    let settings = SettingsBuilder::new()
        .set("redis.username", "a:b@c")
        .unwrap()
        .set("redis.password", "p@ss/w:rd?#%é")
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(
        settings.broker().reveal(),
        "redis://a%3Ab%40c:p%40ss%2Fw%3Ard%3F%23%25%C3%A9@localhost:6379/0"
    );
}
