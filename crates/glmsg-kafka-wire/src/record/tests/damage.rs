//! What is malformed is an error that says where, and nothing worse.

use bytes::Bytes;
use glmsg_core::ErrorKind;
use kafka_protocol::records::Compression as Codec;
use proptest::prelude::*;

use super::{MOST, changed, encode, made, only, sealed, with_header};
use crate::record::Batches;

/// Reads all that can be read, whether the checksum is right or not.
fn read_all(bytes: Bytes) -> usize {
    let mut count = 0;
    for batch in Batches::new(bytes) {
        let Ok(batch) = batch else { continue };
        let _ = batch.check();
        let Ok(records) = batch.open(MOST) else {
            continue;
        };
        for record in &records {
            let Ok(record) = record else { continue };
            count += record.headers.count() + 1;
            let _ = (record.key_bytes(), record.value_bytes());
        }
    }
    count
}

fn valid() -> Bytes {
    let mut all = Vec::new();
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4] {
        let base = i64::try_from(all.len()).unwrap();
        let record = |at| with_header(made(base + at, Some("key"), &[7; 90]), "name", Some(b"v"));
        let records: Vec<_> = (0..4).map(record).collect();
        all.extend_from_slice(&encode(&records, codec));
    }
    all.into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_all(bytes.into());
    }

    #[test]
    fn any_bytes_after_a_header_are_read_or_refused(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        codec in 0_u8..5,
        count in 0_u8..9,
    ) {
        let empty = encode(&[made(3, None, b"")], Codec::None);
        let mut bytes = empty[..61].to_vec();
        bytes.extend_from_slice(&body);
        let length = u32::try_from(bytes.len() - 12).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        (bytes[22], bytes[60], bytes[26]) = (codec, count, count);
        read_all(bytes.into());
    }

    #[test]
    fn a_batch_with_changes_is_read_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = valid().to_vec();
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        bytes.truncate(end.index(bytes.len()) + 1);
        read_all(bytes.into());
    }
}

#[test]
fn one_changed_bit_is_noticed() {
    let bytes = encode(&[made(40, Some("k"), b"value")], Codec::None);
    for at in 21..bytes.len() {
        let changed = changed(&bytes, at, &[bytes[at] ^ 0x10]);
        let refused = Batches::new(changed).any(|batch| {
            let checked = batch.and_then(|batch| batch.check());
            checked.is_err_and(|error| error.context("offset") == Some("40"))
        });
        assert!(refused, "a change at {at}");
    }
}

#[test]
fn formats_of_old_are_not_read() {
    let bytes = encode(&[made(40, None, b"value")], Codec::None);
    for (magic, kind) in [
        (0, ErrorKind::Unsupported),
        (1, ErrorKind::Unsupported),
        (3, ErrorKind::Codec),
        (255, ErrorKind::Codec),
    ] {
        let mut batches = Batches::new(changed(&bytes, 16, &[magic]));
        let error = batches.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.context("offset"), Some("40"));
        assert!(batches.next().is_none());
    }
}

/// The error of the first batch, or of its records.
fn fault(bytes: &Bytes) -> String {
    let batch = match Batches::new(bytes.clone()).next().unwrap() {
        Err(error) => return error.to_string(),
        Ok(batch) => batch,
    };
    batch.check().unwrap();
    let records = batch.open(MOST).unwrap();
    let mut errors = records.iter().filter_map(Result::err);
    let error = errors.next().expect("no error");
    assert!(errors.next().is_none());
    assert_eq!(error.kind(), ErrorKind::Codec);
    error.to_string()
}

#[test]
fn headers_that_cannot_be_are_refused() {
    let bytes = encode(&[made(40, None, b"value")], Codec::None);
    for (at, to, expected) in [
        (0, [0xff; 4], "its offset is negative"),
        (8, 40_u32.to_be_bytes(), "less than that of a header"),
        (8, [0xff; 4], "less than that of a header"),
        (23, [0xff; 4], "ends before it begins"),
        (57, [0xff; 4], "number of records is negative"),
        (21, [0, 5, 0, 0], "codec is not known"),
    ] {
        let error = fault(&changed(&bytes, at, &to));
        assert!(error.contains(expected), "{error}");
    }
    let last = changed(&bytes, 0, &i64::MAX.to_be_bytes());
    assert!(fault(&last).contains("offsets are too large"));
}

#[test]
fn records_that_cannot_be_are_refused() {
    let record = with_header(made(40, Some("k"), b"value"), "n", Some(b"v"));
    let bytes = encode(&[record], Codec::None);
    // Length, attributes, time, offset; key, value, headers.
    for (at, to, expected) in [
        (61, 0x01, "its length is negative"),
        (61, 0x7e, "ends too early"),
        (61, 0x02, "ends too early"),
        (64, 0x02, "outside of its batch"),
        (64, 0x01, "outside of its batch"),
        (65, 0x03, "a length in it is negative"),
        (65, 0x7e, "ends too early"),
        (73, 0x01, "number of headers is negative"),
        (73, 0x04, "ends too early"),
        (73, 0x00, "more in it than its length says"),
        (74, 0x01, "a header has no name"),
    ] {
        let error = fault(&sealed(&changed(&bytes, at, &[to])));
        assert!(error.contains(expected), "{at}: {error}");
        assert!(error.contains("offset: 40"), "{error}");
    }
    let fewer = sealed(&changed(&bytes, 57, &0_u32.to_be_bytes()));
    assert!(fault(&fewer).contains("more than the records that it counts"));
    let more = sealed(&changed(&bytes, 57, &i32::MAX.to_be_bytes()));
    assert!(fault(&more).contains("ends too early"));
}

#[test]
fn a_number_that_never_ends_is_refused() {
    let bytes = encode(&[made(40, None, &[0xff; 40])], Codec::None);
    let endless = sealed(&changed(&bytes, 61, &[0xff; 12]));
    assert!(fault(&endless).contains("too many bits"));
}

#[test]
fn a_header_whose_name_is_no_text_is_left_out() {
    let record = with_header(made(0, None, b""), "n", Some(b"1"));
    let record = with_header(record, "m", None);
    let bytes = encode(&[record], Codec::None);
    let at = bytes.windows(2).position(|pair| pair == [2, b'n']).unwrap();
    let bytes = sealed(&changed(&bytes, at + 1, &[0xff]));
    let records = only(&bytes).open(MOST).unwrap();
    let record = records.iter().next().unwrap().unwrap();
    assert_eq!(record.headers.count_all(), 2);
    assert_eq!(record.headers.collect::<Vec<_>>(), [("m", None)]);
    assert_eq!(record.headers.find("m"), Some(None));
    assert_eq!(record.headers.find("n"), None);
}
