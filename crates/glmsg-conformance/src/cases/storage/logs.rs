//! Logs, by one who is alone with them.

use bytes::Bytes;
use glmsg_broker::{Change, Expected, MAX_APPEND, MAX_APPEND_BYTES, Storage};
use glmsg_core::ErrorKind;

use super::{ODD, append, bytes, data, key, opened, remove_log, whole};
use crate::Fixture;
use crate::messages::error_kind;
use crate::patience::within;

/// Records come back as they were appended, in order, with versions from 1.
pub async fn a_record_comes_back_whole<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let all: Vec<u8> = (0..=255).collect();
    let sent = [
        Bytes::from_static(b"first"),
        Bytes::new(),
        Bytes::from(all),
        Bytes::from_static(b"\r\n\0$-1\r\n"),
    ];
    let made = append(&storage, "log", Expected::NOTHING, &sent[..1]).await;
    assert_eq!(made, Change::Made(1));
    let made = append(&storage, "log", Expected::Version(1), &sent[1..]).await;
    assert_eq!(made, Change::Made(4), "the version of the last record");
    assert_eq!(data(&whole(&storage, "log").await), sent);
}

/// A log can be read from any version on, in pages of any size.
pub async fn records_are_read_from_any_version<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let sent = bytes(25);
    let made = append(&storage, "log", Expected::Any, &sent).await;
    assert_eq!(made, Change::Made(25));
    let log = key("log");
    for (after, max, expected) in [
        (0, 7, 0..7),
        (7, 7, 7..14),
        (20, 7, 20..25),
        (24, 1, 24..25),
        (25, 7, 25..25),
        (1_000_000, 7, 25..25),
        (u64::MAX, 7, 25..25),
        (3, 0, 3..3),
    ] {
        let page = within("records", storage.read(&log, after, max)).await;
        let page = page.expect("reading works");
        assert_eq!(data(&page), sent[expected], "{max} after {after}");
        assert!(
            page.iter()
                .zip(after.saturating_add(1)..)
                .all(|(r, v)| r.version == v)
        );
    }
    let none = within("records", storage.read(&key("none"), 0, 7)).await;
    assert_eq!(none.expect("a log that is not there is empty"), []);
    let version = within("a version", storage.version(&key("none"))).await;
    assert_eq!(version.expect("a log that is not there is at 0"), 0);
}

/// An append is made if the log is as expected; else it tells how the log is, and changes nothing.
pub async fn an_append_expects_a_version<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let sent = bytes(4);
    let early = append(&storage, "log", Expected::Version(1), &sent).await;
    assert_eq!(early, Change::Conflict(0), "it has nothing yet");
    let made = append(&storage, "log", Expected::NOTHING, &sent[..2]).await;
    assert_eq!(made, Change::Made(2));
    for wrong in [0, 1, 3, u64::MAX] {
        let refused = append(&storage, "log", Expected::Version(wrong), &sent).await;
        assert_eq!(refused, Change::Conflict(2), "expecting {wrong}");
    }
    let made = append(&storage, "log", Expected::Version(2), &sent[2..3]).await;
    assert_eq!(made, Change::Made(3));
    let made = append(&storage, "log", Expected::Any, &sent[3..]).await;
    assert_eq!(made, Change::Made(4));
    assert_eq!(data(&whole(&storage, "log").await), sent);
}

/// An append of nothing tells whether the log is as expected.
pub async fn an_empty_append_changes_nothing<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let made = append(&storage, "log", Expected::NOTHING, &[]).await;
    assert_eq!(made, Change::Made(0));
    let made = append(&storage, "log", Expected::Any, &bytes(2)).await;
    assert_eq!(made, Change::Made(2));
    for (expected, told) in [
        (Expected::NOTHING, Change::Conflict(2)),
        (Expected::Version(2), Change::Made(2)),
        (Expected::Any, Change::Made(2)),
    ] {
        assert_eq!(append(&storage, "log", expected, &[]).await, told);
    }
    let logs = glmsg_broker::KeyPrefix::new("").expect("it is valid");
    let logs = within("the logs", storage.logs(&logs, None, 10)).await;
    assert_eq!(logs.expect("they can be listed"), [key("log")]);
    assert_eq!(whole(&storage, "log").await.len(), 2);
}

/// An append takes 1 000 records and records up to the payload limit; more is refused, and nothing
/// of it is stored.
pub async fn an_append_has_limits<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let log = key("log");
    let limit = F::capability().max_payload;
    let small = Bytes::from_static(b"small");
    let large = Bytes::from(vec![7; limit + 1]);
    let two = [small.clone(), large];
    let refused = storage.append(&log, Expected::Any, &two);
    assert_eq!(
        error_kind("it", within("a refusal", refused).await),
        ErrorKind::TooLarge
    );
    let many = vec![small; MAX_APPEND + 1];
    let refused = storage.append(&log, Expected::Any, &many);
    assert_eq!(
        error_kind("it", within("a refusal", refused).await),
        ErrorKind::InvalidArgument
    );
    let largest = Bytes::from(vec![7; limit]);
    let heavy = vec![largest.clone(); MAX_APPEND_BYTES / limit + 1];
    if (2..=MAX_APPEND).contains(&heavy.len()) {
        let refused = storage.append(&log, Expected::Any, &heavy);
        assert_eq!(
            error_kind("it", within("a refusal", refused).await),
            ErrorKind::TooLarge
        );
    }
    let version = within("the version", storage.version(&log)).await;
    assert_eq!(version.expect("it can be asked"), 0, "nothing was stored");
    let made = append(&storage, "log", Expected::NOTHING, &many[1..]).await;
    assert_eq!(made, Change::Made(1_000));
    let made = append(&storage, "log", Expected::Version(1_000), &[largest]).await;
    assert_eq!(made, Change::Made(1_001));
    let read = whole(&storage, "log").await;
    assert_eq!(read[999].data, many[0]);
    assert_eq!(read[1_000].data, vec![7; limit]);
}

/// A log is removed with all its records, if it is as expected, and can be made anew.
pub async fn a_log_is_removed_as_a_whole<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let remove = |expected| remove_log(&storage, "log", expected);
    assert_eq!(
        remove(Expected::Any).await,
        Change::Made(0),
        "none is there"
    );
    assert_eq!(remove(Expected::NOTHING).await, Change::Made(0));
    assert_eq!(remove(Expected::Version(1)).await, Change::Conflict(0));
    let made = append(&storage, "log", Expected::Any, &bytes(3)).await;
    assert_eq!(made, Change::Made(3));
    let made = append(&storage, "other", Expected::Any, &bytes(2)).await;
    assert_eq!(made, Change::Made(2));
    assert_eq!(remove(Expected::Version(2)).await, Change::Conflict(3));
    assert_eq!(remove(Expected::NOTHING).await, Change::Conflict(3));
    assert_eq!(whole(&storage, "log").await.len(), 3);
    assert_eq!(remove(Expected::Version(3)).await, Change::Made(0));
    assert_eq!(whole(&storage, "log").await, []);
    let made = append(&storage, "log", Expected::NOTHING, &bytes(1)).await;
    assert_eq!(made, Change::Made(1));
    assert_eq!(data(&whole(&storage, "log").await), bytes(1));
    assert_eq!(whole(&storage, "other").await.len(), 2);
}

/// A key may have spaces, any letters, and the signs that stores give a meaning to.
pub async fn logs_of_any_key_are_apart<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let longest = "ö".repeat(256);
    let keys = || ODD.into_iter().chain([longest.as_str()]);
    for log in keys() {
        let own = Bytes::copy_from_slice(log.as_bytes());
        let made = append(&storage, log, Expected::NOTHING, &[own]).await;
        assert_eq!(made, Change::Made(1), "{log}");
    }
    for log in keys() {
        assert_eq!(data(&whole(&storage, log).await), [log], "{log}");
    }
}
