//! What of an answer is of use.

use bytes::{Bytes, BytesMut};
use glmsg_core::ErrorKind;
use kafka_protocol::messages::ProducerId;
use kafka_protocol::messages::fetch_response::AbortedTransaction;
use kafka_protocol::records::RecordEncodeOptions;
use kafka_protocol::records::{Compression as Codec, Record as Made, RecordBatchEncoder};

use super::batch;
use crate::fetch::FetchSettings;
use crate::fetch::fetched::Content;
use crate::fetch::sift::{Arrival, Sifted, reach, sift};
use crate::record::tests::{encode, made};

/// A record of a producer's transaction.
fn of(producer: i64, offset: i64) -> Made {
    Made {
        transactional: true,
        producer_id: producer,
        producer_epoch: 0,
        ..made(offset, None, b"x")
    }
}

/// What ends a transaction: 0 aborts, 1 commits.
fn end(producer: i64, offset: i64, kind: u8) -> Made {
    Made {
        control: true,
        key: Some(Bytes::copy_from_slice(&[0, 0, 0, kind])),
        ..of(producer, offset)
    }
}

/// Each of them as a batch of its own.
fn log(records: &[Made]) -> Bytes {
    let mut bytes = BytesMut::new();
    for record in records {
        let options = RecordEncodeOptions {
            version: 2,
            compression: Codec::None,
        };
        RecordBatchEncoder::encode(&mut bytes, [record], &options).unwrap();
    }
    bytes.freeze()
}

fn aborted(producer: i64, first_offset: i64) -> AbortedTransaction {
    AbortedTransaction::default()
        .with_producer_id(ProducerId(producer))
        .with_first_offset(first_offset)
}

fn arrival(from: i64, bytes: Bytes, aborted: Vec<AbortedTransaction>) -> Arrival {
    Arrival {
        generation: 1,
        from,
        bytes,
        aborted,
        high_watermark: 100,
        last_stable: 100,
    }
}

fn sift_with(arrival: &Arrival, read_committed: bool) -> Sifted {
    let settings = FetchSettings {
        read_committed,
        ..FetchSettings::default()
    };
    sift(arrival, &settings, usize::MAX)
}

fn offsets(sifted: Sifted) -> Vec<i64> {
    let mut offsets = Vec::new();
    for batch in sifted.batches {
        let records = batch.records().unwrap();
        offsets.extend(records.iter().map(|record| record.unwrap().offset));
    }
    offsets
}

/// Producers 1 and 2 at once: 1 aborts, then commits; 2 aborts at last; 3 has no transaction.
fn both() -> (Bytes, Vec<AbortedTransaction>) {
    let plain = |offset| made(offset, None, b"x");
    let bytes = log(&[
        of(1, 0),
        of(2, 1),
        plain(2),
        of(1, 3),
        end(1, 4, 0),
        of(1, 5),
        of(2, 6),
        end(1, 7, 1),
        end(2, 8, 0),
        of(2, 9),
        end(2, 10, 1),
        plain(11),
    ]);
    // In no order.
    (bytes, vec![aborted(2, 1), aborted(1, 0)])
}

#[test]
fn what_was_aborted_is_left_out() {
    let (bytes, aborted) = both();
    let sifted = sift_with(&arrival(0, bytes, aborted), true);
    assert_eq!(sifted.next, 12);
    assert_eq!(offsets(sifted), [2, 5, 9, 11]);
}

#[test]
fn without_waiting_for_commits_all_but_their_marks_are_read() {
    let (bytes, _) = both();
    let sifted = sift_with(&arrival(0, bytes, Vec::new()), false);
    assert_eq!(sifted.next, 12);
    assert_eq!(offsets(sifted), [0, 1, 2, 3, 5, 6, 9, 11]);
}

#[test]
fn a_transaction_that_began_before_what_was_asked_for() {
    let bytes = log(&[of(1, 6), end(1, 7, 0), of(1, 8)]);
    let sifted = sift_with(&arrival(6, bytes, vec![aborted(1, 2)]), true);
    assert_eq!((sifted.next, offsets(sifted)), (9, vec![8]));
}

#[test]
fn the_place_moves_on_over_what_is_left_out() {
    let bytes = log(&[of(1, 5), end(1, 6, 0)]);
    let sifted = sift_with(&arrival(5, bytes, vec![aborted(1, 5)]), true);
    assert!(sifted.batches.is_empty());
    assert_eq!((sifted.next, sifted.size), (7, 0));
}

#[test]
fn what_is_before_the_place_is_left_out() {
    let bytes = [batch(0..3), batch(3..6), batch(6..8)].concat();
    let sifted = sift_with(&arrival(4, bytes.into(), Vec::new()), true);
    assert_eq!((sifted.next, offsets(sifted)), (8, vec![4, 5, 6, 7]));
}

#[test]
fn what_is_damaged_ends_it() {
    let mut damaged = batch(3..6).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let bytes = [batch(0..3).to_vec(), damaged, batch(6..8).to_vec()].concat();
    let bytes = Bytes::from(bytes);
    assert_eq!(reach(&bytes, 0).next, 8);
    let sifted = sift_with(&arrival(0, bytes, Vec::new()), true);
    let (error, next) = sifted.damage.as_ref().unwrap();
    assert_eq!((error.kind(), *next), (ErrorKind::Codec, Some(6)));
    assert_eq!((sifted.next, offsets(sifted)), (3, vec![0, 1, 2]));
}

#[test]
fn a_format_of_old_ends_it() {
    let mut old = batch(3..6).to_vec();
    old[16] = 1;
    let bytes = [batch(0..3).to_vec(), old].concat();
    let sifted = sift_with(&arrival(0, bytes.into(), Vec::new()), true);
    let (error, next) = sifted.damage.as_ref().unwrap();
    assert_eq!((error.kind(), *next), (ErrorKind::Unsupported, None));
    assert_eq!((sifted.next, offsets(sifted)), (3, vec![0, 1, 2]));
}

#[test]
fn what_would_take_too_much_room_stays_packed() {
    let one = |offset| encode(&[made(offset, None, &[0; 10_000])], Codec::Lz4);
    let bytes = Bytes::from([one(0), one(1), one(2)].concat());
    let packed = bytes.len();
    let sifted = sift(
        &arrival(1, bytes, Vec::new()),
        &FetchSettings::default(),
        5_000,
    );
    let is_open = |content: &Content| matches!(content, Content::Open(_));
    let open: Vec<_> = sifted.batches.iter().map(|b| is_open(&b.0)).collect();
    assert_eq!(open, [true, false]);
    assert!(sifted.size < 10_100 + packed);
    assert_eq!(offsets(sifted), [1, 2]);
}

#[test]
fn what_cannot_be_opened_is_told_when_it_is_taken() {
    let bytes = encode(&[made(0, None, &[0; 10_000])], Codec::Gzip);
    let settings = FetchSettings {
        max_inflated: 5_000,
        ..FetchSettings::default()
    };
    let sifted = sift(&arrival(0, bytes, Vec::new()), &settings, usize::MAX);
    assert!(sifted.damage.is_none());
    assert_eq!(sifted.next, 1);
    let batch = sifted.batches.into_iter().next().unwrap();
    assert_eq!(batch.header().last_offset, 0);
    assert_eq!(batch.records().unwrap_err().kind(), ErrorKind::TooLarge);
}

#[test]
fn a_batch_that_is_cut_off_is_none() {
    let bytes = batch(0..5);
    let whole = bytes.len();
    let cut = reach(&bytes.slice(..whole - 1), 0);
    assert!(cut.is_cut && cut.next == 0);
    let none = reach(&Bytes::new(), 4);
    assert!(!none.is_cut && none.next == 4);
    let two = Bytes::from([bytes, batch(5..9)].concat());
    let some = reach(&two.slice(..two.len() - 1), 0);
    assert!(!some.is_cut && some.next == 5);
}
