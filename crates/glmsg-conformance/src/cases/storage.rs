//! Storage: logs that only grow, values that change by compare-and-swap.

mod listing;
mod lives;
mod logs;
mod racing;
mod values;

pub use listing::*;
pub use lives::*;
pub use logs::*;
pub use racing::*;
pub use values::*;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{BoxStorage, Change, Expected, Record, Storage, StorageKey};
use glmsg_core::Result;

use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! storage_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { storage [
            "storage/logs.rs" "storage/racing.rs" "storage/listing.rs" "storage/values.rs"
            "storage/lives.rs"
        ] [
            a_record_comes_back_whole (Storage),
            records_are_read_from_any_version (Storage),
            an_append_expects_a_version (Storage),
            an_empty_append_changes_nothing (Storage),
            an_append_has_limits (Storage),
            a_log_is_removed_as_a_whole (Storage),
            logs_of_any_key_are_apart (Storage),
            of_appends_at_once_one_succeeds (Storage),
            appends_at_once_do_not_mix (Storage),
            of_puts_at_once_one_succeeds (Storage),
            a_counter_counts_every_change (Storage),
            an_append_wakes_who_waits (Storage),
            calls_that_nobody_polls_hold_up_no_change (Storage),
            a_wait_ends_at_its_time (Storage),
            logs_are_listed_in_order (Storage),
            values_are_listed_in_order (Storage),
            a_list_has_only_what_is_there (Storage),
            a_value_is_replaced_as_a_whole (Storage),
            a_change_expects_a_version (Storage),
            a_value_made_anew_is_newer (Storage),
            a_value_expires (Storage),
            a_change_renews_the_life_of_a_value (Storage),
            who_held_an_expired_value_conflicts (Storage),
            a_value_has_limits (Storage),
            values_of_any_key_are_apart (Storage),
            logs_and_values_have_keys_of_their_own (Storage),
            stores_do_not_share_storage (Storage),
            handles_share_storage (Storage MultiProcess),
            storage_survives_a_crash (Storage Reopen),
            a_closed_broker_keeps_nothing (Storage),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    storage_cases!(__list)
}

/// Opens the storage of a handle of its own.
async fn opened<F: Fixture>(f: &F) -> BoxStorage {
    let broker = f.broker().await;
    let opening = within("the storage to open", broker.open_storage()).await;
    opening.expect("it is declared, so it opens")
}

fn key(key: &str) -> StorageKey {
    StorageKey::new(key).expect("the suite's keys are valid")
}

fn bytes(n: usize) -> Vec<Bytes> {
    (0..n).map(|n| Bytes::from(format!("record {n}"))).collect()
}

/// What a change came to, which must not fail.
async fn change(what: &str, change: impl Future<Output = Result<Change>>) -> Change {
    let ended = within(what, change).await;
    ended.unwrap_or_else(|error| panic!("{what} failed: {error:?}"))
}

async fn append(at: &BoxStorage, log: &str, expected: Expected, records: &[Bytes]) -> Change {
    change("an append", at.append(&key(log), expected, records)).await
}

async fn put(at: &BoxStorage, value: &str, expected: Expected, data: &'static str) -> Change {
    let (value, data) = (key(value), Bytes::from_static(data.as_bytes()));
    change("a put", at.put(&value, &data, expected, None)).await
}

/// Puts a value with its life.
async fn keep(
    at: &BoxStorage,
    value: &str,
    data: &Bytes,
    expected: Expected,
    ttl: Option<Duration>,
) -> Change {
    change("a put", at.put(&key(value), data, expected, ttl)).await
}

async fn remove(at: &BoxStorage, value: &str, expected: Expected) -> Change {
    change("a removal", at.remove(&key(value), expected)).await
}

async fn remove_log(at: &BoxStorage, log: &str, expected: Expected) -> Change {
    change("a removal", at.remove_log(&key(log), expected)).await
}

/// All records of a log, read page by page; they must have no gap.
async fn whole(at: &BoxStorage, log: &str) -> Vec<Record> {
    let log = key(log);
    let mut found: Vec<Record> = Vec::new();
    loop {
        let after = found.last().map_or(0, |record| record.version);
        let page = within("records", at.read(&log, after, 100)).await;
        let page = page.expect("reading works");
        assert!(page.len() <= 100, "more than were asked for");
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    for (record, version) in found.iter().zip(1..) {
        assert_eq!(record.version, version, "{log}: versions have no gap");
    }
    assert!(
        found.windows(2).all(|two| two[0].at <= two[1].at),
        "{log}: the times never go back"
    );
    let version = within("the version", at.version(&log)).await;
    assert_eq!(version.expect("it can be asked"), found.len() as u64);
    found
}

fn data(records: &[Record]) -> Vec<Bytes> {
    records.iter().map(|record| record.data.clone()).collect()
}

/// The version and data of a value.
async fn value(at: &BoxStorage, value: &str) -> Option<(u64, Bytes)> {
    let found = within("a value", at.get(&key(value))).await;
    let found = found.expect("reading works");
    found.map(|value| (value.version, value.data))
}

/// Keys that some store might take apart, or for another.
const ODD: [&str; 14] = [
    "a",
    "a/b",
    "a/b/",
    "a b",
    "a:b",
    "{a}",
    "{a}b",
    "{}a",
    "}a{",
    "a%b_",
    "a\\'\"b",
    "ä/ß/日本/🦀",
    "A",
    "*[?]",
];
