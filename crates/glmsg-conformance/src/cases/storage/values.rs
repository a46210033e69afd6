//! Values, and how they end.

use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{Change, Expected, Storage};
use glmsg_core::ErrorKind;

use super::{ODD, append, bytes, change, keep, key, opened, put, remove, remove_log, value, whole};
use crate::Fixture;
use crate::messages::error_kind;
use crate::patience::within;

/// A value is what was put last, and every change makes its version one greater.
pub async fn a_value_is_replaced_as_a_whole<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    assert_eq!(value(&storage, "v").await, None);
    let all: Vec<u8> = (0..=255).collect();
    let sent = [
        Bytes::from_static(b"first, and longer"),
        Bytes::new(),
        Bytes::from(all),
    ];
    for (data, version) in sent.iter().zip(1..) {
        let made = keep(&storage, "v", data, Expected::Any, None).await;
        assert_eq!(made, Change::Made(version));
        assert_eq!(value(&storage, "v").await, Some((version, data.clone())));
    }
    assert_eq!(value(&storage, "other").await, None);
}

/// A value is changed or removed if it is as expected; else the caller is told how it is, and
/// nothing is changed.
pub async fn a_change_expects_a_version<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let remove = |expected| remove(&storage, "v", expected);
    let early = put(&storage, "v", Expected::Version(1), "early").await;
    assert_eq!(early, Change::Conflict(0));
    assert_eq!(remove(Expected::Version(1)).await, Change::Conflict(0));
    assert_eq!(remove(Expected::NOTHING).await, Change::Made(0));
    assert_eq!(remove(Expected::Any).await, Change::Made(0));
    let first = put(&storage, "v", Expected::NOTHING, "one").await;
    let first = first.made().expect("none was there");
    let second = put(&storage, "v", Expected::Version(first), "two").await;
    assert_eq!(second, Change::Made(first + 1));
    for wrong in [0, first, first + 2, u64::MAX] {
        let expected = Expected::Version(wrong);
        let refused = put(&storage, "v", expected, "wrong").await;
        assert_eq!(refused, Change::Conflict(first + 1), "expecting {wrong}");
        assert_eq!(remove(expected).await, Change::Conflict(first + 1));
    }
    let two = Bytes::from_static(b"two");
    assert_eq!(value(&storage, "v").await, Some((first + 1, two)));
    assert_eq!(remove(Expected::Version(first + 1)).await, Change::Made(0));
    assert_eq!(value(&storage, "v").await, None);
}

/// A value that is made anew after it was removed has a greater version than it ever had.
pub async fn a_value_made_anew_is_newer<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let mut last = 0;
    for _ in 0..3 {
        for round in 0..3 {
            let expected = if round == 0 { 0 } else { last };
            let made = put(&storage, "v", Expected::Version(expected), "it").await;
            let made = made.made().expect("it is as expected");
            assert!(made > last, "{made} after {last}");
            last = made;
        }
        assert_eq!(
            remove(&storage, "v", Expected::Version(last)).await,
            Change::Made(0)
        );
    }
}

/// A value with a time to live is gone after it, and then there is none.
pub async fn a_value_expires<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let (soon, data) = (F::soon(), Bytes::from_static(b"it"));
    let lives = [
        ("mortal", Some(soon)),
        ("late", Some(Duration::from_secs(3600))),
        ("last", Some(Duration::MAX)),
        ("immortal", None),
    ];
    for (name, ttl) in lives {
        assert!(
            keep(&storage, name, &data, Expected::NOTHING, ttl)
                .await
                .made()
                .is_some(),
            "{name}"
        );
    }
    f.pass(soon * 2).await;
    assert_eq!(value(&storage, "mortal").await, None);
    for (name, _) in &lives[1..] {
        let found = value(&storage, name).await;
        assert_eq!(found.map(|(_, data)| data), Some(data.clone()), "{name}");
    }
    assert_eq!(
        remove(&storage, "mortal", Expected::Version(1)).await,
        Change::Conflict(0)
    );
    assert_eq!(
        remove(&storage, "mortal", Expected::NOTHING).await,
        Change::Made(0)
    );
    assert_eq!(value(&storage, "mortal").await, None);
}

/// A change gives the value its own time to live: without one it stays.
pub async fn a_change_renews_the_life_of_a_value<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let (soon, data) = (F::soon(), Bytes::from_static(b"it"));
    for (name, ttl) in [("a", None), ("b", Some(Duration::from_secs(3600)))] {
        let _ = keep(&storage, name, &data, Expected::Any, Some(soon)).await;
        let _ = keep(&storage, name, &data, Expected::Any, ttl).await;
    }
    let _ = keep(&storage, "c", &data, Expected::Any, None).await;
    let _ = keep(&storage, "c", &data, Expected::Any, Some(soon)).await;
    f.pass(soon * 2).await;
    assert!(value(&storage, "a").await.is_some());
    assert!(value(&storage, "b").await.is_some());
    assert_eq!(value(&storage, "c").await, None);
}

/// Who held a value that has expired can neither change nor remove what another made since.
pub async fn who_held_an_expired_value_conflicts<F: Fixture>(f: F) {
    let (old, new) = (opened(&f).await, opened(&f).await);
    let (soon, v) = (F::soon(), key("lock"));
    let (mine, theirs) = (Bytes::from_static(b"old"), Bytes::from_static(b"new"));
    let claim = old.put(&v, &mine, Expected::NOTHING, Some(soon));
    let held = change("a claim", claim).await.made().expect("it is free");
    f.pass(soon * 2).await;
    let claim = new.put(&v, &theirs, Expected::NOTHING, None);
    let now = change("a claim", claim).await.made().expect("it is free");
    assert!(now > held, "{now} after {held}");
    let late = old.put(&v, &mine, Expected::Version(held), None);
    assert_eq!(change("a late put", late).await, Change::Conflict(now));
    let late = old.remove(&v, Expected::Version(held));
    assert_eq!(change("a late removal", late).await, Change::Conflict(now));
    assert_eq!(value(&old, "lock").await, Some((now, theirs)));
}

/// A value over the payload limit is refused, and so is a time to live that is none.
pub async fn a_value_has_limits<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let limit = F::capability().max_payload;
    let v = key("v");
    let large = Bytes::from(vec![7; limit + 1]);
    let refused = within("a refusal", storage.put(&v, &large, Expected::Any, None)).await;
    assert_eq!(error_kind("it", refused), ErrorKind::TooLarge);
    for ttl in [Duration::ZERO, Duration::from_micros(999)] {
        let refused = storage.put(&v, &large, Expected::Any, Some(ttl));
        let kind = error_kind("it", within("a refusal", refused).await);
        assert_eq!(kind, ErrorKind::InvalidArgument);
    }
    assert_eq!(value(&storage, "v").await, None);
    let largest = large.slice(1..);
    let made = change("a put", storage.put(&v, &largest, Expected::Any, None)).await;
    assert_eq!(made, Change::Made(1));
    assert_eq!(value(&storage, "v").await, Some((1, largest)));
}

/// A key may have spaces, any letters, and the signs that stores give a meaning to.
pub async fn values_of_any_key_are_apart<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let longest = "ö".repeat(256);
    let keys = || ODD.into_iter().chain([longest.as_str()]);
    for name in keys() {
        let own = Bytes::copy_from_slice(name.as_bytes());
        assert_eq!(
            keep(&storage, name, &own, Expected::NOTHING, None).await,
            Change::Made(1),
            "{name}"
        );
    }
    for name in keys() {
        let own = Bytes::copy_from_slice(name.as_bytes());
        assert_eq!(value(&storage, name).await, Some((1, own)), "{name}");
    }
}

/// A log and a value of the same key are two things.
pub async fn logs_and_values_have_keys_of_their_own<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let made = append(&storage, "it", Expected::NOTHING, &bytes(3)).await;
    assert_eq!(made, Change::Made(3));
    let made = put(&storage, "it", Expected::NOTHING, "value").await;
    assert_eq!(made, Change::Made(1));
    assert_eq!(
        remove_log(&storage, "it", Expected::Version(3)).await,
        Change::Made(0)
    );
    let data = Bytes::from_static(b"value");
    assert_eq!(value(&storage, "it").await, Some((1, data)));
    let made = append(&storage, "it", Expected::NOTHING, &bytes(2)).await;
    assert_eq!(made, Change::Made(2));
    assert_eq!(
        remove(&storage, "it", Expected::Version(1)).await,
        Change::Made(0)
    );
    assert_eq!(whole(&storage, "it").await.len(), 2);
}
