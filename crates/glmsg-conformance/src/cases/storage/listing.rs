//! Lists of keys.

use glmsg_broker::{BoxStorage, Change, Expected, KeyPrefix, Storage, StorageKey};

use super::{ODD, append, bytes, keep, key, opened, put, remove, remove_log};
use crate::Fixture;
use crate::patience::within;

#[derive(Clone, Copy)]
enum Kind {
    Logs,
    Values,
}

/// All keys that begin with `prefix`, in pages of `page`.
async fn listed(at: &BoxStorage, kind: Kind, prefix: &str, page: usize) -> Vec<String> {
    let prefix = KeyPrefix::new(prefix).expect("it is valid");
    let mut found: Vec<StorageKey> = Vec::new();
    loop {
        let after = found.last().cloned();
        let some = match kind {
            Kind::Logs => within("logs", at.logs(&prefix, after.as_ref(), page)).await,
            Kind::Values => within("keys", at.keys(&prefix, after.as_ref(), page)).await,
        };
        let some = some.expect("they can be listed");
        assert!(some.len() <= page, "more than were asked for");
        if some.is_empty() {
            return found.iter().map(ToString::to_string).collect();
        }
        found.extend(some);
    }
}

async fn are_listed(storage: &BoxStorage, kind: Kind, make: &[String]) {
    let mut all = make.to_vec();
    all.sort_unstable();
    for page in [1, 7, 1_000] {
        assert_eq!(listed(storage, kind, "", page).await, all, "by {page}");
    }
    for prefix in ["a", "a/", "p/", "p/1", "{", "ä", "日", "none", "p/19/"] {
        let some: Vec<_> = all
            .iter()
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect();
        assert_eq!(listed(storage, kind, prefix, 5).await, some, "`{prefix}`");
    }
    // A page may begin anywhere, also at a key that is not there.
    let (prefix, none) = (KeyPrefix::new("p/").expect("valid"), key("p/15x"));
    let some = match kind {
        Kind::Logs => within("logs", storage.logs(&prefix, Some(&none), 2)).await,
        Kind::Values => within("keys", storage.keys(&prefix, Some(&none), 2)).await,
    };
    assert_eq!(
        some.expect("they can be listed"),
        [key("p/16"), key("p/17")]
    );
}

fn made() -> Vec<String> {
    let numbered = (0..40).map(|n| format!("p/{n:02}"));
    let odd = ODD.into_iter().map(str::to_owned);
    // Not in order.
    numbered.rev().chain(odd).collect()
}

/// Logs are listed by the bytes of their keys, in pages, by what they begin with.
pub async fn logs_are_listed_in_order<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    assert_eq!(listed(&storage, Kind::Logs, "", 10).await, [""; 0]);
    for log in made() {
        let made = append(&storage, &log, Expected::Any, &bytes(2)).await;
        assert_eq!(made, Change::Made(2));
    }
    are_listed(&storage, Kind::Logs, &made()).await;
    assert_eq!(listed(&storage, Kind::Values, "", 10).await, [""; 0]);
}

/// Values are listed by the bytes of their keys, in pages, by what they begin with.
pub async fn values_are_listed_in_order<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    assert_eq!(listed(&storage, Kind::Values, "", 10).await, [""; 0]);
    for value in made() {
        let made = put(&storage, &value, Expected::Any, "it").await;
        assert_eq!(made, Change::Made(1));
    }
    are_listed(&storage, Kind::Values, &made()).await;
    assert_eq!(listed(&storage, Kind::Logs, "", 10).await, [""; 0]);
}

/// What was removed or has expired is in no list, and what was made anew is, once.
pub async fn a_list_has_only_what_is_there<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    for name in ["a", "b", "c", "d"] {
        let _ = append(&storage, name, Expected::Any, &bytes(2)).await;
        let _ = put(&storage, name, Expected::Any, "it").await;
    }
    let _ = remove_log(&storage, "b", Expected::Any).await;
    let _ = remove(&storage, "c", Expected::Any).await;
    let (soon, data) = (F::soon(), bytes(1).remove(0));
    let _ = keep(&storage, "d", &data, Expected::Any, Some(soon)).await;
    let _ = keep(&storage, "e", &data, Expected::Any, Some(soon)).await;
    f.pass(soon * 2).await;
    assert_eq!(listed(&storage, Kind::Logs, "", 1).await, ["a", "c", "d"]);
    assert_eq!(listed(&storage, Kind::Values, "", 1).await, ["a", "b"]);
    for name in ["b", "c", "d"] {
        let _ = append(&storage, name, Expected::Any, &bytes(1)).await;
        let _ = put(&storage, name, Expected::Any, "it").await;
    }
    let all = ["a", "b", "c", "d"];
    assert_eq!(listed(&storage, Kind::Logs, "", 2).await, all);
    assert_eq!(listed(&storage, Kind::Values, "", 2).await, all);
}
