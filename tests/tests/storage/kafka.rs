//! Kafka: logs that are larger than what is held of them, and a topic that vanishes.

use bytes::Bytes;
use glmsg_broker::{Backend as _, Change, Expected, Storage, StorageKey};
use glmsg_conformance::Fixture as _;
use glmsg_kafka::{KafkaBroker, KafkaConfig, KafkaStorage};
use glmsg_tests::Kafka;

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
