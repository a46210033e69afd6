//! Logs and values in the file.

use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{Backend, Change, Expected, Storage, StorageKey};

use crate::store::{Place, messages, publish};

#[tokio::test]
async fn a_store_of_version_1_keeps_its_messages_and_gets_storage() {
    let place = Place::new();
    let broker = place.open().await;
    publish(&broker, &messages(30)).await;
    broker.close().await.unwrap();
    // What version 2 has more.
    place
        .sql()
        .execute_batch(
            "DROP TABLE log; DROP TABLE record; DROP TABLE value; PRAGMA user_version = 1",
        )
        .unwrap();
    let broker = place.open().await;
    assert_eq!(broker.topics().await.unwrap()[0].messages, 30);
    let storage = broker.storage().await.unwrap();
    let log = StorageKey::new("log").unwrap();
    let records = [Bytes::from_static(b"record")];
    let made = storage.append(&log, Expected::NOTHING, &records).await;
    assert_eq!(made.unwrap(), Change::Made(1));
    assert_eq!(storage.read(&log, 0, 10).await.unwrap().len(), 1);
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_removed_log_leaves_no_records() {
    let place = Place::new();
    let broker = place.open().await;
    let storage = broker.storage().await.unwrap();
    let log = StorageKey::new("log").unwrap();
    let records = vec![Bytes::from_static(b"record"); 1_000];
    for _ in 0..4 {
        let made = storage.append(&log, Expected::Any, &records).await;
        assert!(made.unwrap().made().is_some());
    }
    let gone = storage.remove_log(&log, Expected::Version(4_000)).await;
    assert_eq!(gone.unwrap(), Change::Made(0));
    // One made anew is not taken for it.
    let made = storage.append(&log, Expected::NOTHING, &records[..2]).await;
    assert_eq!(made.unwrap(), Change::Made(2));
    let cleared = async {
        loop {
            let count = "SELECT count(*) FROM record";
            let left: i64 = place.sql().query_row(count, [], |row| row.get(0)).unwrap();
            if left == 2 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let cleared = tokio::time::timeout(Duration::from_secs(60), cleared).await;
    cleared.expect("the records are cleared away, piece by piece");
    assert_eq!(storage.read(&log, 0, 10).await.unwrap().len(), 2);
    broker.close().await.unwrap();
}

#[tokio::test]
async fn what_has_expired_is_cleared_away_by_later_puts() {
    let place = Place::new();
    let broker = place.open().await;
    let storage = broker.storage().await.unwrap();
    let data = Bytes::from_static(b"data");
    for n in 0..50 {
        let key = StorageKey::new(format!("mortal/{n}")).unwrap();
        let ttl = Some(Duration::from_millis(1));
        let made = storage.put(&key, &data, Expected::NOTHING, ttl).await;
        assert!(made.unwrap().made().is_some());
    }
    place.clock.advance(Duration::from_millis(5));
    let key = StorageKey::new("immortal").unwrap();
    for _ in 0..10 {
        let made = storage.put(&key, &data, Expected::Any, None).await;
        assert!(made.unwrap().made().is_some());
    }
    broker.close().await.unwrap();
    let count = "SELECT count(*) FROM value";
    let left: i64 = place.sql().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
}
