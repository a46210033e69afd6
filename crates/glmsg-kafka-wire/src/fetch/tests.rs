//! A fetcher and brokers that say what a test has them say; and brokers that run.

mod anew;
mod flow;
mod live;
mod positions;
mod room;
mod running;
mod script;
mod session;
mod sift;
mod transactions;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::records::Compression as Codec;

use super::{FetchSettings, Fetched, Fetcher, Generation, What};
use crate::record::tests::{encode, made};

pub(super) const LONG: Duration = Duration::from_secs(30);

/// Settings with a wait that no test outlasts.
fn settings() -> FetchSettings {
    FetchSettings {
        max_wait: LONG,
        ..FetchSettings::default()
    }
}

/// A batch of records from an offset on, each of which says its offset.
fn batch(offsets: std::ops::Range<i64>) -> Bytes {
    let each = offsets.map(|at| made(at, None, at.to_string().as_bytes()));
    encode(&each.collect::<Vec<_>>(), Codec::None)
}

fn topic() -> Arc<str> {
    "orders".into()
}

/// What comes next, within a time that is never needed.
async fn next(fetcher: &Fetcher) -> Fetched {
    let fetched = tokio::time::timeout(LONG, fetcher.next()).await;
    fetched.expect("nothing came within 30 s")
}

/// The offsets of the records that come next, where they are to be read on, and for which
/// assignment.
async fn records(fetcher: &Fetcher) -> (Vec<i64>, i64, Generation) {
    let fetched = next(fetcher).await;
    let What::Records(portion) = fetched.what else {
        panic!("no records: {fetched:?}");
    };
    let mut offsets = Vec::new();
    for batch in portion.batches {
        for record in &batch.records().unwrap() {
            let record = record.unwrap();
            assert_eq!(record.value, Some(record.offset.to_string().as_bytes()));
            offsets.push(record.offset);
        }
    }
    (offsets, portion.next, fetched.generation)
}
