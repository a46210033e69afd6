//! A message as headers beside its payload.

use bytes::Bytes;
use glmsg_core::{ErrorKind, Message, MessageId, Priority, Timestamp, TopicName, binding};
use proptest::prelude::*;

use crate::sample::{ID, any_message, full};

type Header = (String, Vec<u8>);

fn headers_of(message: &Message) -> Vec<Header> {
    let mut headers = Vec::new();
    binding::write(message, |name, value| {
        headers.push((name.to_owned(), value.as_bytes().to_vec()));
    });
    assert!(headers.len() <= binding::most_headers(message));
    headers
}

fn read(
    topic: &TopicName,
    key: Option<&str>,
    payload: &Bytes,
    headers: &[Header],
) -> glmsg_core::Result<Message> {
    let headers = headers
        .iter()
        .map(|(name, value)| (&**name, Some(&**value)));
    let absent = binding::Absent {
        id: || MessageId::from_bytes([7; 16]),
        created_at: Timestamp::from_micros(8),
    };
    binding::read(topic.clone(), key, payload.clone(), headers, absent)
}

fn back(message: &Message) -> Message {
    let headers = headers_of(message);
    read(message.topic(), message.key(), message.payload(), &headers).unwrap()
}

fn from(headers: &[(&str, &str)]) -> glmsg_core::Result<Message> {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    let topic = TopicName::new("t").unwrap();
    read(&topic, None, &Bytes::from_static(b"x"), &headers)
}

#[test]
fn the_headers_are_as_documented() {
    let provenance = full().build().unwrap().provenance().to_string();
    let expected = [
        ("gm-id", ID),
        ("gm-created", "1767225600123456"),
        ("gm-ttl", "3600000"),
        ("gm-deliver-at", "1767225700000000"),
        ("gm-max-retries", "5"),
        ("gm-priority", "high"),
        ("gm-correlation-id", "order-7"),
        ("gm-reply-to", "replies"),
        ("content-type", "application/json"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("gm-provenance", &provenance),
        ("app", "tower"),
        ("tenant", "acme"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let message = full().build().unwrap();
    assert_eq!(headers_of(&message), expected);
    assert_eq!(back(&message), message);
}

#[test]
fn defaults_are_left_out() {
    let message = Message::new("flights", "x").unwrap();
    let names: Vec<_> = headers_of(&message).into_iter().map(|h| h.0).collect();
    assert_eq!(names, ["gm-id", "gm-created", "gm-provenance"]);
    assert!(message.claim_first_publish().is_none(), "it left");
    let delayed = full().delay(std::time::Duration::from_millis(70));
    let delayed = headers_of(&delayed.build().unwrap());
    assert!(delayed.contains(&("gm-delay-ms".into(), b"70".to_vec())));
}

#[test]
fn a_header_that_looks_like_the_bindings_comes_back() {
    let message = Message::builder("flights")
        .header("gm-id", "mine")
        .header("gm-header-x", "mine")
        .header("content-type", "no type")
        .header("traceparent", "")
        .header(&format!("gm-{}", "x".repeat(125)), "long")
        .build()
        .unwrap();
    assert_eq!(back(&message), message);
    assert!(back(&message).verify().is_ok());
}

#[test]
fn a_record_of_anybody_is_a_message() {
    let topic = TopicName::new("t").unwrap();
    let mut headers = vec![
        ("content-type".to_owned(), b"text/plain".to_vec()),
        ("tenant".to_owned(), b"a".to_vec()),
        ("tenant".to_owned(), b"acme".to_vec()),
        ("a b".to_owned(), b"x".to_vec()),
        ("binary".to_owned(), vec![0xFF]),
        ("lines".to_owned(), b"a\nb".to_vec()),
        ("traceparent".to_owned(), b"x".to_vec()),
        ("gm-of-tomorrow".to_owned(), vec![0xFF]),
        ("gm-priority".to_owned(), b"high".to_vec()),
    ];
    let message = read(&topic, Some("k"), &Bytes::from_static(b"x"), &headers).unwrap();
    assert_eq!(message.id(), MessageId::from_bytes([7; 16]));
    assert_eq!(message.created_at(), Timestamp::from_micros(8));
    assert_eq!(message.content_type().as_str(), "text/plain");
    assert_eq!(message.priority(), Priority::High);
    assert_eq!((message.key(), message.traceparent()), (Some("k"), None));
    let kept: Vec<_> = message.headers().iter().collect();
    assert_eq!(kept, [("tenant", "acme")]);

    headers.extend((0..100).map(|n| (format!("h{n:03}"), b"x".to_vec())));
    headers.push(("content-type".to_owned(), b"odd".to_vec()));
    let message = read(&topic, None, &Bytes::new(), &headers).unwrap();
    assert_eq!(message.headers().len(), 64);
    assert_eq!(
        message.content_type().as_str(),
        "application/octet-stream",
        "the last one stands, and it is none"
    );
    let none = binding::Absent {
        id: MessageId::new,
        created_at: Timestamp::EPOCH,
    };
    let null = [("tenant", None), ("content-type", None)];
    let message = binding::read(topic, None, Bytes::new(), null, none).unwrap();
    assert!(message.headers().is_empty());
}

#[test]
fn what_is_malformed_is_named() {
    for (name, value, why) in [
        ("gm-id", "x", "UUID"),
        ("gm-created", "yesterday", "whole number"),
        ("gm-created", "9223372036854775808", "range"),
        ("gm-ttl", "-1", "whole number"),
        ("gm-ttl", "9007199254740992", "range"),
        ("gm-delay-ms", "1.5", "whole number"),
        ("gm-deliver-at", "", "whole number"),
        ("gm-priority", "urgent", "critical"),
        ("gm-correlation-id", "a\nb", "control"),
        ("gm-reply-to", "a b", "topic"),
        ("gm-max-retries", "1001", "1000"),
        ("gm-max-retries", "65536", "range"),
        ("gm-provenance", "sha256:00", "provenance"),
        ("gm-provenance", "", "provenance"),
    ] {
        let err = from(&[(name, value)]).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Codec, "{name}");
        assert_eq!(err.context("header"), Some(name), "{err}");
        assert!(err.to_string().contains(why), "{err}");
    }
    let err = from(&[("gm-ttl", "1"), ("gm-ttl", "1")]).unwrap_err();
    assert!(err.to_string().contains("twice"), "{err}");
    let err = from(&[("gm-delay-ms", "1"), ("gm-deliver-at", "1")]).unwrap_err();
    assert!(err.to_string().contains("exclude"), "{err}");
    let err = from(&[("gm-id", ID), ("content-type", "odd")]).unwrap_err();
    assert_eq!(err.context("header"), Some("content-type"));
    let topic = TopicName::new("t").unwrap();
    let long = "k".repeat(1025);
    let err = read(&topic, Some(&long), &Bytes::new(), &[]).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::TooLarge);
}

#[test]
fn a_change_on_the_way_is_found() {
    let message = full().build().unwrap();
    for n in 0..headers_of(&message).len() {
        let mut headers = headers_of(&message);
        let (name, value) = &mut headers[n];
        if name == "gm-provenance" || name == "traceparent" {
            continue;
        }
        match &**name {
            "gm-priority" => *value = b"low".to_vec(),
            "gm-id" => value[0] = b'1',
            _ => value.insert(0, b'1'),
        }
        let name = name.clone();
        match read(message.topic(), message.key(), message.payload(), &headers) {
            Ok(changed) => assert!(changed.verify().is_err(), "{name}"),
            Err(error) => assert_eq!(error.context("header"), Some(&*name)),
        }
    }
    let other = TopicName::new("other").unwrap();
    let moved = read(
        &other,
        message.key(),
        message.payload(),
        &headers_of(&message),
    );
    assert!(moved.unwrap().verify().is_err());
}

#[cfg(feature = "hmac")]
#[test]
fn a_signature_comes_back() {
    use glmsg_core::{KeyRing, SigningKey};

    let key = SigningKey::new(&"k".repeat(64), crate::vectors::SECRET).unwrap();
    let message = full().sign(&key).build().unwrap();
    let back = back(&message);
    assert_eq!(back, message);
    back.verify_with(&KeyRing::from_iter([key])).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_message_comes_back(message in any_message()) {
        let back = back(&message);
        prop_assert!(back.verify().is_ok());
        prop_assert_eq!(back, message);
    }

    #[test]
    fn anything_is_read_or_refused(
        headers in proptest::collection::vec(("(gm-(id|ttl|created|priority|x)|[a-z ]{0,4})", any::<Vec<u8>>()), 0..6)
    ) {
        let topic = TopicName::new("t").unwrap();
        if let Err(error) = read(&topic, None, &Bytes::new(), &headers) {
            prop_assert_eq!(error.kind(), ErrorKind::Codec);
        }
    }
}
