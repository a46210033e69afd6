//! Answers that are none, read as any.

use glmsg_core::ErrorKind;
use kafka_protocol::messages::{
    ApiVersionsRequest, FetchRequest, FetchResponse, InitProducerIdRequest, ListOffsetsRequest,
    MetadataRequest, ProduceRequest, SaslAuthenticateRequest,
};
use kafka_protocol::protocol::{Encodable, Message};
use proptest::prelude::*;

use super::*;

/// Reads bytes as the answer to each version of a request from one on.
fn read_all<R: Request>(bytes: &Bytes, from: i16) {
    for version in from.max(R::VERSIONS.min)..=R::VERSIONS.max {
        let mut answer = Answer::new(bytes.clone());
        let _ = answer.header(1);
        let _ = answer.read::<R>(version);
        let _ = Answer::new(bytes.clone()).read::<R>(version);
    }
}

/// From the first versions on whose counts are looked at.
fn read_any(bytes: &Bytes) {
    read_all::<ApiVersionsRequest>(bytes, 3);
    read_all::<FetchRequest>(bytes, 12);
    read_all::<InitProducerIdRequest>(bytes, 2);
    read_all::<ListOffsetsRequest>(bytes, 6);
    read_all::<MetadataRequest>(bytes, 9);
    read_all::<ProduceRequest>(bytes, 9);
    read_all::<SaslAuthenticateRequest>(bytes, 0);
}

proptest! {
    #[test]
    fn no_bytes_bring_the_decoder_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_any(&bytes.into());
    }

    /// Of these most make long numbers, and pass for counts.
    #[test]
    fn nor_do_long_numbers(bytes in prop::collection::vec(prop::sample::select(
        vec![0, 1, 2, 3, 0x0f, 0x7f, 0x80, 0xff]), 0..60)) {
        read_any(&bytes.into());
    }
}

#[test]
fn a_count_that_cannot_be_is_refused_before_there_is_room_made() {
    // No time to wait, no code, no session, and then 4294967294 topics: hundreds of gigabytes.
    let mut bytes = vec![0; 10];
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    let error = Answer::new(bytes.into()).read::<FetchRequest>(12);
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.to_string().contains("4294967295"), "{error}");
}

#[test]
fn an_answer_that_is_one_is_read() {
    let mut response = FetchResponse::default().with_session_id(i32::MAX);
    // A tag that nobody knows yet may have any small number.
    let tag = Bytes::from_static(b"new");
    response = response.with_unknown_tagged_field(300, tag);
    for version in FetchResponse::VERSIONS.min.max(12)..=FetchResponse::VERSIONS.max {
        let mut bytes = Vec::new();
        response.encode(&mut bytes, version).unwrap();
        let read = Answer::new(bytes.into()).read::<FetchRequest>(version);
        assert_eq!(read.unwrap(), response);
    }
}
