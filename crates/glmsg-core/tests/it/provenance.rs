//! What provenance covers, and who can make it.

use std::time::Duration;

use glmsg_core::{
    ContentType, ErrorKind, KeyRing, Message, MessageBuilder, MessageId, Priority, Provenance,
    SigningKey, Timestamp, TopicName, wire,
};

use crate::sample::{MAX, any_message, full};
use crate::vectors::SECRET;

fn key(id: &str) -> SigningKey {
    SigningKey::new(id, SECRET).unwrap()
}

/// One change of each covered field.
fn changes() -> Vec<(&'static str, MessageBuilder)> {
    let topic = TopicName::new("other").unwrap();
    vec![
        ("id", full().id(MessageId::from_bytes([1; 16]))),
        ("topic", full().topic(topic.clone())),
        ("payload", full().payload("{\"from\":\"LAS\"}")),
        ("content type", full().content_type(ContentType::TEXT)),
        ("priority", full().priority(Priority::Low)),
        ("key", full().key("LAS")),
        ("created at", full().created_at(Timestamp::from_micros(1))),
        ("ttl", full().ttl(Duration::from_secs(1))),
        ("deliver at", full().deliver_at(Timestamp::from_micros(1))),
        ("delay", full().delay(Duration::from_secs(1))),
        ("correlation id", full().correlation_id("order-8")),
        ("reply to", full().reply_to(topic)),
        ("header value", full().header("app", "mower")),
        ("new header", full().header("more", "")),
        ("max retries", full().max_retries(6)),
    ]
}

#[test]
fn every_covered_field_counts() {
    let own = full().build().unwrap();
    let claim = wire::encode(&own);
    let claim = &claim[claim.len() - 33..];
    for (what, change) in changes() {
        let changed = change.build().unwrap();
        assert_ne!(changed.provenance(), own.provenance(), "{what}");
        // The changed message with the claim of the other.
        let mut forged = wire::encode(&changed).to_vec();
        let at = forged.len() - 33;
        forged[at..].copy_from_slice(claim);
        let forged = wire::decode(&forged.into(), MAX).unwrap();
        let err = forged.verify().unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Codec, "{what}");
        assert!(err.to_string().contains("does not match"), "{err}");
        // It stays with what it was received with.
        let again = wire::decode(&wire::encode(&forged), MAX).unwrap();
        assert!(again.verify().is_err(), "{what}");
    }
}

#[test]
fn every_covered_field_counts_in_a_signature() {
    let keys = KeyRing::from_iter([key("k")]);
    let own = full().sign(&key("k")).build().unwrap();
    own.verify_with(&keys).unwrap();
    let claim = wire::encode(&own);
    let claim = &claim[claim.len() - 32..];
    for (what, change) in changes() {
        let mut forged = wire::encode(&change.sign(&key("k")).build().unwrap()).to_vec();
        let at = forged.len() - 32;
        forged[at..].copy_from_slice(claim);
        let forged = wire::decode(&forged.into(), MAX).unwrap();
        let err = forged.verify_with(&keys).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Codec, "{what}");
    }
}

#[test]
fn the_trace_context_is_not_covered() {
    let own = full().build().unwrap();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-00";
    let moved = full().traceparent(trace).build().unwrap();
    assert_eq!(own.provenance(), moved.provenance());
    assert_ne!(own, moved);
}

#[test]
fn a_signature_needs_its_key() {
    let signed = full().sign(&key("2026-01")).build().unwrap();
    let received = wire::decode(&wire::encode(&signed), MAX).unwrap();
    assert_eq!(received, signed);

    let err = received.verify().unwrap_err();
    assert_eq!(err.kind(), ErrorKind::PermissionDenied);
    assert!(err.to_string().contains("verify_with"), "{err}");

    let mut keys = KeyRing::new();
    let err = received.verify_with(&keys).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::PermissionDenied);
    assert_eq!(err.context("key"), Some("2026-01"));

    keys.insert(SigningKey::new("2026-01", b"another secret of 32 bytes or so").unwrap());
    assert_eq!(
        received.verify_with(&keys).unwrap_err().kind(),
        ErrorKind::Codec
    );
    keys.insert(key("2026-01"));
    received.verify_with(&keys).unwrap();
}

#[test]
fn a_checksum_is_no_signature() {
    let keys = KeyRing::from_iter([key("k")]);
    let err = full().build().unwrap().verify_with(&keys).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Codec);
    assert!(err.to_string().contains("not signed"), "{err}");
}

#[test]
fn a_changed_copy_of_a_signed_message_has_a_checksum() {
    let signed = full().sign(&key("k")).build().unwrap();
    let copy = signed.to_builder().key("x").build().unwrap();
    assert!(matches!(copy.provenance(), Provenance::Checksum(_)));
    copy.verify().unwrap();
}

#[test]
fn weak_keys_and_odd_ids_are_refused() {
    for (id, secret) in [
        ("k", &[0; 15][..]),
        ("", SECRET),
        ("a b", SECRET),
        ("é", SECRET),
    ] {
        assert_eq!(
            SigningKey::new(id, secret).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
    let err = SigningKey::new(&"k".repeat(65), SECRET).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::TooLarge);
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?} {:?}", key("k"), KeyRing::from_iter([key("k")]));
    let builder = format!("{:?}", full().sign(&key("k")));
    for text in [shown, builder] {
        assert!(
            !text.contains("012345") && !text.contains("48, 49"),
            "{text}"
        );
    }
}

#[test]
fn one_line_of_text_reads_back() {
    let signed = full().sign(&key("a:b")).build().unwrap();
    for message in [full().build().unwrap(), signed] {
        let text = message.provenance().to_string();
        assert_eq!(text.parse::<Provenance>().unwrap(), *message.provenance());
    }
    let digest = "0".repeat(64);
    for text in [
        "",
        "sha256",
        &digest,
        "sha256:00",
        &format!("md5:{digest}"),
        &format!("sha256:k:{digest}"),
    ] {
        assert_eq!(
            text.parse::<Provenance>().unwrap_err().kind(),
            ErrorKind::Codec,
            "{text}"
        );
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..proptest::prelude::ProptestConfig::with_cases(64) })]

    #[test]
    fn signed_messages_verify_after_a_trip(message in any_message()) {
        let keys = KeyRing::from_iter([key("k")]);
        let signed = message.to_builder().sign(&key("k")).build().unwrap();
        let received: Message = wire::decode(&wire::encode(&signed), MAX).unwrap();
        received.verify_with(&keys).unwrap();
    }
}
