//! Kafka: logs that are larger than what is held of them, and a topic that vanishes.

use bytes::Bytes;
use glmsg_broker::{Backend as _, Change, Expected, Storage, StorageKey};
use glmsg_conformance::Fixture as _;
use glmsg_faults::until;
use glmsg_kafka::{KafkaBroker, KafkaConfig, KafkaStorage};
use glmsg_tests::Kafka;
use glmsg_tests::kafka_topics::delete_topic;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Of each partition 4 MiB of logs are held: this is more than twice that.
const RECORDS: usize = 160;
const BYTES: usize = 64 << 10;

/// Another program, as it were: brokers of one process share their clients where their settings are
/// the same.
async fn open(fixture: &Kafka, name: &str) -> KafkaStorage {
    let config = KafkaConfig::from_url(&fixture.url()).expect("the service's URL");
    let broker = KafkaBroker::open(config.name(name)).await;
    let broker = broker.expect("it is there");
    broker.storage().await.expect("it opens")
}

fn record(number: usize) -> Bytes {
    let mut bytes = vec![u8::try_from(number % 251).expect("small"); BYTES];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Bytes::from(bytes)
}

async fn read(
    storage: &KafkaStorage,
    log: &StorageKey,
    after: u64,
    max: usize,
) -> Vec<(u64, Bytes)> {
    let records = storage.read(log, after, max).await.expect("it is read");
    records.into_iter().map(|r| (r.version, r.data)).collect()
}

/// Who wrote it and who opens it later read all of it, from the front, from the back, and page by
/// page, though most of it is in the topic alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_read_whole_though_little_of_it_is_held() {
    let fixture = Kafka::new().await;
    let writer = open(&fixture, "writer").await;
    let log = StorageKey::new("large").expect("a valid key");
    for number in 0..RECORDS {
        let expected = Expected::Version(number as u64);
        let made = writer.append(&log, expected, &[record(number)]).await;
        assert_eq!(made.expect("an answer"), Change::Made(number as u64 + 1));
    }
    let later = open(&fixture, "later").await;
    for storage in [&writer, &later] {
        let mut all = Vec::new();
        loop {
            let page = read(storage, &log, all.len() as u64, 7).await;
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        let expected = (0..RECORDS).map(|n| (n as u64 + 1, record(n)));
        assert!(all.into_iter().eq(expected), "all of it, in order");
        for number in (0..RECORDS).rev().step_by(13) {
            let one = read(storage, &log, number as u64, 1).await;
            assert_eq!(one, [(number as u64 + 1, record(number))]);
        }
    }
}

/// Somebody deletes the topic, and it is made anew: who had read the old one sees the new, and nothing
/// of the old; and a change is decided on by what is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_made_anew_is_read_anew() {
    let fixture = Kafka::new().await;
    let (url, old) = (fixture.url(), open(&fixture, "old").await);
    let namespace = KafkaConfig::from_url(&url).expect("a URL").namespace;
    let keys: Vec<StorageKey> = (0..40)
        .map(|n| StorageKey::new(format!("k{n}")).expect("a valid key"))
        .collect();
    let before = Bytes::from_static(b"before");
    for key in keys.iter().cycle().take(120) {
        let made = old.put(key, &before, Expected::Any, None).await;
        assert!(made.expect("an answer").made().is_some());
    }
    delete_topic(&url, &format!("{namespace}..storage")).await;

    let after = Bytes::from_static(b"after");
    let new = open(&fixture, "new").await;
    for key in &keys[..20] {
        let made = new.put(key, &after, Expected::NOTHING, None).await;
        assert!(made.expect("an answer").made().is_some(), "{key}");
    }
    until("the new topic is seen", PATIENCE, || async {
        let mut found = Vec::new();
        for key in &keys {
            found.push(old.get(key).await.ok().flatten().map(|value| value.data));
        }
        let (first, last) = found.split_at(20);
        first.iter().all(|value| *value == Some(after.clone())) && last.iter().all(Option::is_none)
    })
    .await;
    let made = old.put(&keys[0], &before, Expected::NOTHING, None).await;
    assert!(made.expect("an answer").made().is_none(), "it is there");
    let made = old.put(&keys[30], &before, Expected::NOTHING, None).await;
    assert!(made.expect("an answer").made().is_some(), "it is not");
    let seen = new.get(&keys[30]).await.expect("an answer");
    assert_eq!(seen.map(|value| value.data), Some(before));
}
