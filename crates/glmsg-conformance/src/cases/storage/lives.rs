//! Whose storage it is, and how long it lives.

use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{Change, Expected, KeyPrefix, Storage};
use glmsg_core::ErrorKind;

use super::{append, bytes, data, keep, key, opened, put, remove, remove_log, value, whole};
use crate::Fixture;
use crate::messages::error_kind;
use crate::patience::within;

/// Two stores of one backend, also on one server, do not see each other's logs and values.
pub async fn stores_do_not_share_storage<F: Fixture>(f: F) {
    let other = F::new().await;
    let (here, there) = (opened(&f).await, opened(&other).await);
    let made = append(&here, "it", Expected::NOTHING, &bytes(2)).await;
    assert_eq!(made, Change::Made(2));
    let made = put(&here, "it", Expected::NOTHING, "here").await;
    assert_eq!(made, Change::Made(1));
    assert_eq!(whole(&there, "it").await, []);
    assert_eq!(value(&there, "it").await, None);
    let all = KeyPrefix::new("").expect("it is valid");
    let logs = within("the logs", there.logs(&all, None, 10)).await;
    assert_eq!(logs.expect("they can be listed"), []);
    let keys = within("the keys", there.keys(&all, None, 10)).await;
    assert_eq!(keys.expect("they can be listed"), []);
    let made = append(&there, "it", Expected::NOTHING, &bytes(1)).await;
    assert_eq!(made, Change::Made(1));
    assert_eq!(whole(&here, "it").await.len(), 2);
}

/// What one handle changes the next call of another finds.
pub async fn handles_share_storage<F: Fixture>(f: F) {
    let storages = [opened(&f).await, opened(&f).await];
    let mut version = 0;
    for n in 0..10 {
        let (writing, reading) = (&storages[n % 2], &storages[(n + 1) % 2]);
        let made = append(writing, "it", Expected::Version(version), &bytes(2)).await;
        version += 2;
        assert_eq!(made, Change::Made(version));
        let told = within("the version", reading.version(&key("it"))).await;
        assert_eq!(told.expect("it can be asked"), version);
        let read = within("records", reading.read(&key("it"), version - 2, 10)).await;
        assert_eq!(data(&read.expect("reading works")), bytes(2));
        let made = put(writing, "it", Expected::Any, "value").await;
        let found = value(reading, "it").await.map(|(version, _)| version);
        assert_eq!(found, made.made());
    }
    assert_eq!(
        remove_log(&storages[0], "it", Expected::Version(version)).await,
        Change::Made(0)
    );
    assert_eq!(whole(&storages[1], "it").await, []);
    assert_eq!(
        remove(&storages[0], "it", Expected::Any).await,
        Change::Made(0)
    );
    assert_eq!(value(&storages[1], "it").await, None);
}

/// Logs and values are as they were after a crash and a restart, and versions go on.
pub async fn storage_survives_a_crash<F: Fixture>(f: F) {
    let sent = bytes(10);
    let soon = F::soon();
    let held = {
        let storage = opened(&f).await;
        let _ = append(&storage, "log", Expected::NOTHING, &sent).await;
        let _ = append(&storage, "gone", Expected::NOTHING, &sent).await;
        let _ = remove_log(&storage, "gone", Expected::Any).await;
        let _ = put(&storage, "v", Expected::NOTHING, "one").await;
        let _ = put(&storage, "v", Expected::Version(1), "two").await;
        let held = put(&storage, "gone", Expected::NOTHING, "it").await;
        let _ = remove(&storage, "gone", Expected::Any).await;
        let mortal = Bytes::from_static(b"mortal");
        let _ = keep(&storage, "mortal", &mortal, Expected::Any, Some(soon)).await;
        held.made().expect("none was there")
    };
    let broker = f.reopen().await;
    f.pass(soon * 2).await;
    let storage = within("the storage", broker.open_storage()).await;
    let storage = storage.expect("it opens again");
    assert_eq!(data(&whole(&storage, "log").await), sent);
    assert_eq!(whole(&storage, "gone").await, []);
    let two = Bytes::from_static(b"two");
    assert_eq!(value(&storage, "v").await, Some((2, two)));
    assert_eq!(value(&storage, "gone").await, None);
    assert_eq!(value(&storage, "mortal").await, None);
    let old = append(&storage, "log", Expected::Version(9), &sent).await;
    assert_eq!(old, Change::Conflict(10));
    let made = append(&storage, "log", Expected::Version(10), &sent).await;
    assert_eq!(made, Change::Made(20));
    let made = put(&storage, "v", Expected::Version(2), "three").await;
    assert_eq!(made, Change::Made(3));
    let anew = put(&storage, "gone", Expected::NOTHING, "it").await;
    assert!(anew.made().is_some_and(|now| now > held), "{anew:?}");
}

/// After the broker is closed everything is refused with `Closed`, and who waits is told.
pub async fn a_closed_broker_keeps_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let storage = within("the storage", broker.open_storage()).await;
    let storage = storage.expect("it is declared, so it opens");
    let (it, all) = (key("it"), KeyPrefix::new("").expect("it is valid"));
    let made = append(&storage, "it", Expected::NOTHING, &bytes(1)).await;
    assert_eq!(made, Change::Made(1));
    let waiter = tokio::spawn({
        let (storage, it) = (storage.clone(), it.clone());
        async move {
            loop {
                // It may return early.
                if let Err(e) = storage.wait(&it, 1, Duration::from_secs(600)).await {
                    return e.kind();
                }
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    within("the end", broker.close()).await.expect("it closes");
    let kind = within("the waiter's end", waiter).await.expect("no panic");
    assert_eq!(kind, ErrorKind::Closed);
    let (some, any) = (bytes(1), Expected::Any);
    let kinds = [
        error_kind("append", storage.append(&it, any, &some).await),
        error_kind("read", storage.read(&it, 0, 1).await),
        error_kind("version", storage.version(&it).await),
        error_kind("wait", storage.wait(&it, 0, Duration::ZERO).await),
        error_kind("remove_log", storage.remove_log(&it, any).await),
        error_kind("logs", storage.logs(&all, None, 1).await),
        error_kind("get", storage.get(&it).await),
        error_kind("put", storage.put(&it, &some[0], any, None).await),
        error_kind("remove", storage.remove(&it, any).await),
        error_kind("keys", storage.keys(&all, None, 1).await),
        error_kind("open_storage", broker.open_storage().await),
    ];
    assert_eq!(kinds, [ErrorKind::Closed; 11]);
}
