//! What another implementation writes is read as it was meant.

use bytes::Bytes;
use kafka_protocol::records::{Compression as Codec, Record as Made};
use proptest::prelude::*;

use super::{MOST, changed, encode, made, only, sealed, with_header};
use crate::record::{Batches, Compression, TimestampType};

type Parts = (
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Vec<(String, Option<Vec<u8>>)>,
);

fn parts() -> impl Strategy<Value = Parts> {
    let bytes = || proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200));
    let header = ("[a-zä-]{0,12}", bytes());
    (bytes(), bytes(), proptest::collection::vec(header, 0..4))
}

fn record(offset: i64, time: i64, (key, value, headers): &Parts) -> Made {
    let mut record = made(offset, None, b"");
    record.timestamp = time;
    record.key = key.clone().map(Bytes::from);
    record.value = value.clone().map(Bytes::from);
    for (name, value) in headers {
        record = with_header(record, name, value.as_deref());
    }
    record
}

fn check(records: &[Made], bytes: Bytes) {
    let mut expected = records.iter();
    for batch in Batches::new(bytes) {
        let batch = batch.unwrap();
        batch.check().unwrap();
        for read in &batch.open(MOST).unwrap() {
            let (read, made) = (read.unwrap(), expected.next().unwrap());
            assert_eq!(read.offset, made.offset);
            assert_eq!(read.timestamp, made.timestamp);
            assert_eq!(read.key, made.key.as_deref());
            assert_eq!(read.key_bytes(), made.key);
            assert_eq!(read.value, made.value.as_deref());
            assert_eq!(read.value_bytes(), made.value);
            let headers = made.headers.iter();
            let headers: Vec<_> = headers.map(|(n, v)| (n.as_str(), v.as_deref())).collect();
            assert_eq!(read.headers.collect::<Vec<_>>(), headers);
        }
    }
    assert!(expected.next().is_none());
}

fn codec() -> impl Strategy<Value = Codec> {
    let mut all = vec![Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4];
    if cfg!(feature = "zstd") {
        all.push(Codec::Zstd);
    }
    proptest::sample::select(all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn all_that_a_record_has(
        all in proptest::collection::vec((parts(), -5_i64..1 << 45), 1..20),
        base in 0_i64..1 << 30,
        codec in codec(),
    ) {
        let each = all.iter().zip(base..);
        let records: Vec<_> = each.map(|((parts, time), at)| record(at, *time, parts)).collect();
        check(&records, encode(&records, codec));
    }
}

#[test]
fn several_batches_and_one_that_is_cut_off() {
    let first = [made(7, Some("k"), b"one"), made(8, None, b"two")];
    let second = [made(9, None, b"three")];
    let mut bytes = encode(&first, Codec::None).to_vec();
    bytes.extend_from_slice(&encode(&second, Codec::Gzip));
    let whole = bytes.len();
    bytes.extend_from_slice(&encode(&[made(10, None, b"four")], Codec::None));
    let bytes = Bytes::from(bytes);
    for end in whole..bytes.len() {
        let all = [first.as_slice(), &second].concat();
        check(&all, bytes.slice(..end));
        let mut batches = Batches::new(bytes.slice(..end));
        assert_eq!(batches.by_ref().count(), 2);
        assert_eq!(batches.left().len(), end - whole);
    }
    assert_eq!(Batches::new(bytes).count(), 3);
}

#[test]
fn the_header_says_what_the_batch_is() {
    let of = |offset| Made {
        transactional: true,
        producer_id: 77,
        producer_epoch: 5,
        ..made(offset, None, b"x")
    };
    let bytes = encode(&[of(100), of(101), of(102)], Codec::Lz4);
    let batch = only(&bytes);
    let header = batch.header();
    assert_eq!((header.base_offset, header.last_offset), (100, 102));
    assert_eq!((header.next_offset(), header.count), (103, 3));
    assert_eq!(header.leader_epoch, 3);
    assert_eq!(header.compression, Compression::Lz4);
    assert_eq!(header.timestamp_type, TimestampType::CreateTime);
    assert!(header.is_transactional && !header.is_control);
    assert_eq!((header.producer_id, header.producer_epoch), (77, 5));
    assert_eq!(header.base_sequence, 100);
    assert_eq!(header.base_timestamp, 1_700_000_000_100);
    assert_eq!(header.max_timestamp, 1_700_000_000_102);
    assert_eq!(batch.size(), bytes.len());
    assert!(batch.is_packed());
}

#[test]
fn all_records_have_the_time_they_were_stored_at_where_that_is_the_type() {
    let bytes = encode(&[made(0, None, b"x"), made(1, None, b"y")], Codec::None);
    let batch = only(&sealed(&changed(&bytes, 22, &[0x08])));
    assert_eq!(batch.header().timestamp_type, TimestampType::LogAppendTime);
    let records = batch.open(MOST).unwrap();
    let times: Vec<_> = records.iter().map(|r| r.unwrap().timestamp).collect();
    assert_eq!(times, [1_700_000_000_001; 2]);
}

#[test]
fn records_before_an_offset_are_left_out() {
    let all: Vec<_> = (10..20).map(|at| made(at, None, b"x")).collect();
    let records = only(&encode(&all, Codec::None)).open(MOST).unwrap();
    let offsets = |from| {
        let records = records.clone().starting_at(from);
        let each = records.iter().map(|record| record.unwrap().offset);
        each.collect::<Vec<_>>()
    };
    assert_eq!(offsets(17), [17, 18, 19]);
    assert_eq!(offsets(5).len(), 10);
    assert!(offsets(20).is_empty());
}

#[test]
fn values_share_the_memory_they_came_in() {
    let bytes = encode(&[made(0, Some("key"), b"value")], Codec::None);
    let records = only(&bytes).open(MOST).unwrap();
    let record = records.iter().next().unwrap().unwrap();
    let range = bytes.as_ptr_range();
    assert!(range.contains(&record.value_bytes().unwrap().as_ptr()));
    assert!(range.contains(&record.key_bytes().unwrap().as_ptr()));
}
