//! Batches as they go over the wire, read by what reads them here and by another implementation.

use bytes::Bytes;
use kafka_protocol::records::{Record as Decoded, RecordBatchDecoder};
use proptest::prelude::*;

use super::*;
use crate::NewHeaders;
use crate::record::{Batches, Header};

/// Key, value, headers and time.
type Parts = (
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Vec<(String, Option<Vec<u8>>)>,
    i64,
);

const TIME: i64 = 1_700_000_000_000;
const SEQUENCE: Sequence = Sequence {
    producer: 4_711,
    epoch: 12,
    first: 99,
};

fn codecs() -> Vec<Compression> {
    let mut all = vec![
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
    ];
    if cfg!(feature = "zstd") {
        all.push(Compression::Zstd);
    }
    all
}

fn put(batch: &mut Batch, (key, value, headers, time): &Parts) {
    let mut all = NewHeaders::new();
    for (name, value) in headers {
        all.put(name, value.as_deref());
    }
    let record = NewRecord {
        topic: "flights",
        partition: None,
        key: key.as_deref(),
        value: value.as_deref(),
        headers: (!headers.is_empty()).then_some(&all),
    };
    let before = batch.len().max(HEAD);
    batch.put(&record, *time);
    assert!(batch.len() - before <= Batch::size_of(&record));
}

fn batch(all: &[Parts]) -> Batch {
    let mut batch = Batch::new(Instant::now());
    all.iter().for_each(|parts| put(&mut batch, parts));
    batch
}

/// Reads sealed bytes as they are read here.
fn read(bytes: &Bytes) -> (Header, Vec<Parts>) {
    let mut batches = Batches::new(bytes.clone());
    let batch = batches.next().unwrap().unwrap();
    assert!(batches.next().is_none() && batches.left().is_empty());
    batch.check().unwrap();
    let header = *batch.header();
    let records = batch.open(1 << 24).unwrap();
    let each = (0..).zip(&records).map(|(at, record)| {
        let record = record.unwrap();
        assert_eq!(record.offset, at);
        let headers = record.headers.map(|(name, value)| {
            let value = value.map(<[u8]>::to_vec);
            (name.to_owned(), value)
        });
        (
            record.key.map(<[u8]>::to_vec),
            record.value.map(<[u8]>::to_vec),
            headers.collect(),
            record.timestamp,
        )
    });
    (header, each.collect())
}

/// Reads sealed bytes as another implementation does.
fn decode(bytes: &Bytes) -> Vec<Decoded> {
    let mut bytes = bytes.clone();
    let decoded = RecordBatchDecoder::decode(&mut bytes).unwrap();
    assert!(bytes.is_empty());
    decoded.records
}

/// Looks whether sealed bytes are what was put.
fn check(bytes: &Bytes, all: &[Parts], compression: Compression, sequence: Option<Sequence>) {
    let (header, found) = read(bytes);
    assert_eq!(found, all);
    assert_eq!(header.count as usize, all.len());
    assert_eq!(header.last_offset + 1, i64::from(header.count));
    assert_eq!(header.compression, compression);
    assert!(!header.is_transactional && !header.is_control);
    assert_eq!(header.base_timestamp, all[0].3);
    let latest = all.iter().map(|parts| parts.3).max().unwrap();
    assert_eq!(header.max_timestamp, latest);
    let sent = (
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
    );
    let wanted = sequence.map_or((-1, -1, -1), |s| (s.producer, s.epoch, s.first));
    assert_eq!(sent, wanted);
    let decoded = decode(bytes);
    assert_eq!(decoded.len(), all.len());
    for ((at, decoded), (key, value, headers, time)) in (0..).zip(&decoded).zip(all) {
        assert_eq!(decoded.offset, at);
        assert_eq!(decoded.key.as_deref(), key.as_deref());
        assert_eq!(decoded.value.as_deref(), value.as_deref());
        assert_eq!(decoded.timestamp, *time);
        assert_eq!(
            (decoded.producer_id, decoded.producer_epoch),
            (wanted.0, wanted.1)
        );
        assert!(!decoded.transactional && !decoded.control);
        // That one keeps the last of headers with the same name.
        for (name, _) in headers {
            let last = headers.iter().rev().find(|(other, _)| other == name);
            let mut found = decoded.headers.iter();
            let found = found.find(|(other, _)| other.as_str() == name);
            let found = found.map(|(_, value)| value.as_deref());
            assert_eq!(found, last.map(|(_, value)| value.as_deref()));
        }
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let bytes = || proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200));
    let header = ("[a-zä-]{0,12}", bytes());
    let headers = proptest::collection::vec(header, 0..4);
    // Clocks go back, too.
    (bytes(), bytes(), headers, TIME - 100_000..TIME + 100_000)
}

fn all_parts() -> impl Strategy<Value = Vec<Parts>> {
    proptest::collection::vec(parts(), 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_put_is_what_is_read(all in all_parts(), codec in proptest::sample::select(codecs())) {
        let mut batch = batch(&all);
        check(&batch.seal(codec), &all, codec, None);
        // It is taken back, and has another place.
        batch.unseal();
        batch.sequence = Some(SEQUENCE);
        let sealed = batch.seal(codec);
        check(&sealed, &all, codec, Some(SEQUENCE));
        prop_assert_eq!(&batch.seal(codec), &sealed);
    }

    #[test]
    fn a_batch_that_was_taken_back_takes_more(
        first in all_parts(),
        more in all_parts(),
        codec in proptest::sample::select(codecs()),
    ) {
        let mut batch = batch(&first);
        // The request still holds it.
        let held = batch.seal(codec);
        prop_assert!(!batch.is_open());
        batch.unseal();
        prop_assert!(batch.is_open());
        more.iter().for_each(|parts| put(&mut batch, parts));
        let all = [first.clone(), more].concat();
        check(&batch.seal(codec), &all, codec, None);
        check(&held, &first, codec, None);
    }

    #[test]
    fn parts_are_what_the_whole_was(all in all_parts(), codec in proptest::sample::select(codecs())) {
        let mut whole = batch(&all);
        whole.sequence = Some(SEQUENCE);
        whole.seal(codec);
        let Some(halves) = whole.split() else {
            prop_assert_eq!(all.len(), 1);
            return Ok(());
        };
        let (front, back) = all.split_at(all.len() / 2);
        for (mut half, wanted) in halves.into_iter().zip([front, back]) {
            prop_assert!(half.is_open());
            prop_assert_eq!(usize::try_from(half.count()).unwrap(), wanted.len());
            check(&half.seal(codec), wanted, codec, None);
        }
    }
}

#[test]
fn its_size_is_that_of_what_waits_whatever_is_sent() {
    let all: Vec<Parts> = (0..50)
        .map(|n| (None, Some(vec![0; 500]), Vec::new(), TIME + n))
        .collect();
    for codec in codecs() {
        let mut batch = batch(&all);
        let size = batch.len();
        assert!(size > 25_000);
        let sealed = batch.seal(codec);
        assert_eq!(batch.len(), size, "{codec:?}");
        assert_eq!(sealed.len() < 2_000, codec != Compression::None);
        batch.unseal();
        assert_eq!(batch.len(), size, "{codec:?}");
    }
}

#[test]
fn empty_is_not_none() {
    let all: Vec<Parts> = vec![
        (None, None, Vec::new(), TIME),
        (Some(Vec::new()), Some(Vec::new()), Vec::new(), TIME),
        (
            None,
            Some(Vec::new()),
            vec![(String::new(), None), (String::new(), Some(Vec::new()))],
            TIME,
        ),
    ];
    for codec in codecs() {
        check(&batch(&all).seal(codec), &all, codec, None);
    }
}
