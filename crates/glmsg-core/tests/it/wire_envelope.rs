//! Envelopes: what is written is read, and nothing else is.

use std::time::Duration;

use bytes::Bytes;
use glmsg_core::{ErrorKind, Message, Priority, Timestamp, TopicName, limits, wire};

pub(crate) const MAX: usize = limits::max_envelope(limits::MAX_PAYLOAD);

/// A message with every field set.
pub(crate) fn full() -> Message {
    Message::builder("flights.eu")
        .id("0190a5c8-7b1e-7cc3-98c4-dc0c0c07398f".parse().unwrap())
        .payload("{\"from\":\"DTW\"}")
        .content_type(glmsg_core::ContentType::JSON)
        .priority(Priority::High)
        .key("DTW")
        .created_at(Timestamp::from_micros(1_767_225_600_123_456))
        .ttl(Duration::from_secs(3600))
        .deliver_at(Timestamp::from_micros(1_767_225_700_000_000))
        .correlation_id("order-7")
        .reply_to(TopicName::new("replies").unwrap())
        .header("tenant", "acme")
        .header("app", "tower")
        .max_retries(5)
        .traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .build()
        .unwrap()
}

#[test]
fn a_full_message_comes_back_whole() {
    let message = full();
    let envelope = wire::encode(&message);
    let received = wire::decode(&envelope, MAX).unwrap();
    assert_eq!(received, message);
    received.verify().unwrap();
    assert_eq!(wire::encode(&received), envelope);
}

#[test]
fn the_payload_is_not_copied() {
    let envelope = wire::encode(&full());
    let received = wire::decode(&envelope, MAX).unwrap();
    let range = envelope.as_ptr_range();
    assert!(range.contains(&received.payload().as_ptr()));
}

#[test]
fn every_truncation_is_refused() {
    let envelope = wire::encode(&full());
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
