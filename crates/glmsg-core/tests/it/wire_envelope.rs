//! Envelopes: what is written is read, and nothing else is.

use bytes::Bytes;
use glmsg_core::{Error, ErrorKind, Message, limits, wire};

use crate::sample::{MAX, full};

/// An envelope of these sections.
fn envelope(signed: &[u8], unsigned: &[u8]) -> Bytes {
    let mut out = vec![0x8F, b'G', b'M', 1];
    for section in [signed, unsigned] {
        out.extend(u32::try_from(section.len()).unwrap().to_be_bytes());
        out.extend(section);
    }
    out.into()
}

fn field(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
    out.extend(value);
    out
}

fn signed(fields: &[Raw<'_>]) -> Vec<u8> {
    fields.iter().flat_map(|(t, v)| field(*t, v)).collect()
}

/// A field's tag and value.
type Raw<'a> = (u8, &'a [u8]);

const HEAD: [Raw<'_>; 6] = [
    (1, &[7; 16]),
    (2, b"t"),
    (3, b"a/b"),
    (4, &[1]),
    (5, &[0; 8]),
    (6, &[0, 3]),
];

/// The error about a signed section of the required fields and these.
fn refused(more: &[Raw<'_>]) -> Error {
    let mut fields = HEAD.to_vec();
    fields.extend(more);
    let claim = field(2, &[[1u8; 1].as_slice(), &[0; 32]].concat());
    wire::decode(&envelope(&signed(&fields), &claim), MAX).unwrap_err()
}

#[test]
fn a_full_message_comes_back_whole() {
    let message = full().build().unwrap();
    let envelope = wire::encode(&message);
    let received = wire::decode(&envelope, MAX).unwrap();
    assert_eq!(received, message);
    received.verify().unwrap();
    assert_eq!(wire::encode(&received), envelope);
}

#[test]
fn a_used_buffer_is_appended_to() {
    let (a, b) = (
        full().build().unwrap(),
        full().key("other").build().unwrap(),
    );
    let mut buffer = Vec::new();
    wire::encode_into(&a, &mut buffer);
    let first = buffer.len();
    wire::encode_into(&b, &mut buffer);
    let buffer = Bytes::from(buffer);
    assert_eq!(wire::decode(&buffer.slice(..first), MAX).unwrap(), a);
    assert_eq!(wire::decode(&buffer.slice(first..), MAX).unwrap(), b);
}

#[test]
fn the_payload_is_not_copied() {
    let envelope = wire::encode(&full().build().unwrap());
    let received = wire::decode(&envelope, MAX).unwrap();
    let range = envelope.as_ptr_range();
    assert!(range.contains(&received.payload().as_ptr()));
}

#[test]
fn every_truncation_is_refused() {
    let envelope = wire::encode(&full().build().unwrap());
    for len in 0..envelope.len() {
        let err = wire::decode(&envelope.slice(..len), MAX).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Codec, "{len}: {err}");
        assert!(err.context("offset").is_some(), "{len}: {err}");
    }
}

#[test]
fn an_envelope_over_the_bound_is_refused_first() {
    let err = wire::decode(&Bytes::from(vec![0; 101]), 100).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::TooLarge);
}

#[test]
fn another_version_says_which_one_is_read() {
    let mut bytes = wire::encode(&full().build().unwrap()).to_vec();
    bytes[3] = 2;
    let err = wire::decode(&bytes.into(), MAX).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Codec);
    assert!(
        err.to_string()
            .contains("version 2, this build reads version 1"),
        "{err}"
    );
}

#[test]
fn bytes_after_the_envelope_are_refused() {
    let mut bytes = wire::encode(&full().build().unwrap()).to_vec();
    let end = bytes.len().to_string();
    bytes.push(0);
    let err = wire::decode(&bytes.into(), MAX).unwrap_err();
    assert_eq!(
        (err.kind(), err.context("offset")),
        (ErrorKind::Codec, Some(&*end))
    );
}

#[test]
fn wrong_fields_are_named() {
    let payload: Raw<'_> = (14, b"");
    let big = vec![b'x'; limits::MAX_KEY + 1];
    let long_header = [&[1, b'n'][..], &vec![b'v'; limits::MAX_HEADER_VALUE + 1]].concat();
    let cases: [(&[Raw<'_>], ErrorKind, &str, &str); 14] = [
        (&[], ErrorKind::Codec, "payload", "missing"),
        (
            &[(7, b"a"), (7, b"b"), payload],
            ErrorKind::Codec,
            "key",
            "twice",
        ),
        (
            &[payload, (7, b"a")],
            ErrorKind::Codec,
            "key",
            "out of order",
        ),
        (
            &[payload, (15, b"")],
            ErrorKind::Codec,
            "unknown",
            "version 1 has no",
        ),
        (
            &[(0, b""), payload],
            ErrorKind::Codec,
            "unknown",
            "out of order",
        ),
        (&[(7, &big), payload], ErrorKind::TooLarge, "key", "1024"),
        (&[(7, &[0xFF]), payload], ErrorKind::Codec, "key", "UTF-8"),
        (&[(8, &[0xFF; 8]), payload], ErrorKind::Codec, "ttl", "2^53"),
        (
            &[(8, &[0; 7]), payload],
            ErrorKind::Codec,
            "ttl",
            "wrong length",
        ),
        (
            &[(9, &[0; 8]), (10, &[0; 8]), payload],
            ErrorKind::Codec,
            "deliver_at",
            "exclude",
        ),
        (
            &[(11, b"a\nb"), payload],
            ErrorKind::Codec,
            "correlation_id",
            "control",
        ),
        (
            &[(12, b"../x"), payload],
            ErrorKind::Codec,
            "reply_to",
            "invalid topic name",
        ),
        (
            &[(13, b"\x01bx"), (13, b"\x01ax"), payload],
            ErrorKind::Codec,
            "header",
            "sorted",
        ),
        (
            &[(13, &long_header), payload],
            ErrorKind::TooLarge,
            "header",
            "4096",
        ),
    ];
    for (fields, kind, name, why) in cases {
        let err = refused(fields);
        assert_eq!(
            (err.kind(), err.context("field")),
            (kind, Some(name)),
            "{err}"
        );
        assert!(err.to_string().contains(why), "{err}");
    }
}

#[test]
fn as_many_headers_as_allowed_and_no_more() {
    let fields = |n: usize| -> Vec<Vec<u8>> {
        (0..n)
            .map(|i| format!("\x03{i:03}v").into_bytes())
            .collect()
    };
    let build = |n: usize| {
        let headers = fields(n);
        let mut all = HEAD.to_vec();
        all.extend(headers.iter().map(|h| (13, &**h)));
        all.push((14, b""));
        let claim = field(2, &[[1u8; 1].as_slice(), &[0; 32]].concat());
        wire::decode(&envelope(&signed(&all), &claim), MAX)
    };
    assert_eq!(build(limits::MAX_HEADERS).unwrap().headers().len(), 64);
    let err = build(limits::MAX_HEADERS + 1).unwrap_err();
    assert_eq!(
        (err.kind(), err.context("field")),
        (ErrorKind::TooLarge, Some("header"))
    );
}

#[test]
fn unknown_unsigned_fields_are_skipped() {
    let message = full().build().unwrap();
    let bytes = wire::encode(&message);
    let split = 8 + usize::from(u16::from_be_bytes([bytes[6], bytes[7]]));
    let unsigned = [&bytes[split + 4..], &field(99, b"of a later version")].concat();
    let received = wire::decode(&envelope(&bytes[8..split], &unsigned), MAX).unwrap();
    assert_eq!(received, message);
    received.verify().unwrap();
}

#[test]
fn an_envelope_without_provenance_is_refused() {
    let mut all = HEAD.to_vec();
    all.push((14, b""));
    let err = wire::decode(&envelope(&signed(&all), b""), MAX).unwrap_err();
    assert_eq!(
        (err.kind(), err.context("field")),
        (ErrorKind::Codec, Some("provenance"))
    );
}

#[test]
fn messages_cross_threads() {
    fn check<T: Send + Sync + Clone + 'static>() {}
    fn bounds<T: Send + Sync + 'static>() {}
    check::<Message>();
    check::<glmsg_core::DeadLetter>();
    check::<glmsg_core::History>();
    bounds::<Error>();
    bounds::<glmsg_core::MessageBuilder>();
    bounds::<glmsg_core::MessageBatch>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Message>(), size_of::<usize>());
}
