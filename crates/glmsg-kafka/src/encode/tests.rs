//! What is written and read, of ours and of others.

use std::time::Duration;

use glmsg_core::{ContentType, ErrorKind, MessageId, Priority, Timestamp};
use proptest::prelude::*;
use rdkafka::message::{OwnedMessage, Timestamp as RecordTime};

use super::*;

mod any;
mod events;
mod trip;

use any::any_message;

const ALL: [Encoding; 3] = [Encoding::Headers, Encoding::Envelope, Encoding::CloudEvents];

const ORIGIN: Origin<'_> = Origin {
    topic: "flights",
    partition: 3,
    offset: 42,
    timestamp_ms: Some(1_767_225_600_123),
};

fn topic() -> TopicName {
    TopicName::new("flights").unwrap()
}

fn encoder(encoding: Encoding) -> Encoder {
    Encoder::new(&KafkaConfig::new().encoding(encoding))
}

fn message() -> glmsg_core::MessageBuilder {
    Message::builder("flights")
        .payload("{}")
        .content_type(ContentType::JSON)
        .key("DTW")
        .priority(Priority::High)
        .created_at(Timestamp::from_micros(1_767_225_600_000_001))
        .deliver_at(Timestamp::from_micros(1_767_225_700_000_002))
        .ttl(Duration::from_secs(60))
        .correlation_id("c")
        .reply_to(TopicName::new("replies").unwrap())
        .header("tenant", "acme")
        .header("gm-odd", "\u{20ac}")
        .max_retries(9)
        .traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
}

/// The record as the library hands it out again.
fn record(encoded: &Encoded<'_>) -> OwnedMessage {
    OwnedMessage::new(
        Some(encoded.value.to_vec()),
        encoded.key.map(<[u8]>::to_vec),
        ORIGIN.topic.to_owned(),
        RecordTime::CreateTime(1_767_225_600_123),
        ORIGIN.partition,
        ORIGIN.offset,
        Some(for_library(&encoded.headers)),
    )
}

fn names(encoded: &Encoded<'_>) -> Vec<String> {
    let headers = encoded.headers.iter();
    headers.map(|(name, _)| name.to_owned()).collect()
}

fn foreign(
    key: Option<&[u8]>,
    value: &'static [u8],
    headers: &[(&str, Option<&[u8]>)],
) -> Result<Message> {
    decode(
        &topic(),
        key,
        Bytes::from_static(value),
        headers.iter().copied(),
        &ORIGIN,
    )
}

#[test]
fn every_encoding_brings_back_the_same() {
    for encoding in ALL {
        let message = message().build().unwrap();
        let encoder = encoder(encoding);
        let encoded = encoder.encode(&message).unwrap();
        assert_eq!(encoded.key, Some(b"DTW".as_slice()));
        let back = decode_record(message.topic(), &record(&encoded)).unwrap();
        assert_eq!(back, message, "{encoding:?}");
        back.verify().unwrap();
        assert!(message.claim_first_publish().is_none(), "it left");
    }
}

#[test]
fn a_change_on_the_way_is_found() {
    for encoding in [Encoding::Headers, Encoding::CloudEvents] {
        let message = message().build().unwrap();
        let mut encoded = encoder(encoding).encode(&message).unwrap();
        encoded.value = Bytes::from_static(b"[]");
        let back = decode_record(message.topic(), &record(&encoded)).unwrap();
        assert!(back.verify().is_err(), "{encoding:?}");
    }
}

#[test]
fn a_small_message_has_a_small_record() {
    let message = Message::new("flights", "x").unwrap();
    let encoder = encoder(Encoding::Headers);
    let encoded = encoder.encode(&message).unwrap();
    assert_eq!(names(&encoded), ["gm-id", "gm-created", "gm-provenance"]);
    assert_eq!(encoded.key, None);
    assert_eq!(
        encoded.value.as_ptr(),
        message.payload().as_ptr(),
        "the payload is not copied"
    );
}

#[test]
fn an_envelope_is_told_by_header_and_magic() {
    let message = message().build().unwrap();
    let encoder = encoder(Encoding::Envelope);
    let encoded = encoder.encode(&message).unwrap();
    assert_eq!(names(&encoded), ["content-type"]);
    let value = encoded.value;

    let says = [(binding::CONTENT_TYPE, Some(ENVELOPE.as_bytes()))];
    let read = |value: &Bytes, headers: &[(&'static str, Option<&'static [u8]>)]| {
        let headers = headers.iter().copied();
        decode(&topic(), None, value.clone(), headers, &ORIGIN)
    };
    assert_eq!(read(&value, &says).unwrap(), message);
    // Without the header, or the magic, it is somebody's payload.
    assert_eq!(read(&value, &[]).unwrap().payload(), &value);
    let other = read(&Bytes::from_static(b"GM"), &says).unwrap();
    assert_eq!(other.content_type().as_str(), ENVELOPE);
    // A damaged one is refused.
    let cut = value.slice(..value.len() - 1);
    assert_eq!(read(&cut, &says).unwrap_err().kind(), ErrorKind::Codec);

    // An envelope that is the payload of a message stays one.
    let nested = Message::builder("flights")
        .payload(value)
        .content_type(ContentType::new(ENVELOPE).unwrap())
        .header("ce_specversion", "1.0")
        .build()
        .unwrap();
    for encoding in ALL {
        let encoder = self::encoder(encoding);
        let encoded = encoder.encode(&nested).unwrap();
        let back = decode_record(nested.topic(), &record(&encoded)).unwrap();
        assert_eq!(back, nested, "{encoding:?}");
    }
}

#[test]
fn what_a_backend_puts_beside_is_no_part_of_it() {
    for encoding in ALL {
        let message = message().build().unwrap();
        let encoder = encoder(encoding);
        let mut encoded = encoder.encode(&message).unwrap();
        encoded.headers.put("gm-attempts", Some(b"2"));
        let back = decode_record(message.topic(), &record(&encoded)).unwrap();
        assert_eq!(back, message, "{encoding:?}");
        back.verify().unwrap();
    }
}

#[test]
fn a_record_of_others_is_a_message() {
    let headers: &[(&str, Option<&[u8]>)] = &[
        ("content-type", Some(b"text/csv")),
        ("tenant", Some(b"acme")),
        ("binary", Some(&[0xFF])),
        ("nothing", None),
        ("a b", Some(b"x")),
    ];
    let message = foreign(Some(b"DTW"), b"a;b", headers).unwrap();
    assert_eq!(message.payload(), "a;b");
    assert_eq!(message.key(), Some("DTW"));
    assert_eq!(message.content_type().as_str(), "text/csv");
    assert_eq!(
        message.headers().iter().collect::<Vec<_>>(),
        [("tenant", "acme")]
    );
    assert_eq!(message.created_at().as_micros(), 1_767_225_600_123_000);
    assert_eq!(
        message.id().to_string(),
        "c1b12a26-2b97-8d45-80d8-b5d7251e3270"
    );
    message.verify().unwrap();
    assert_eq!(foreign(Some(b"DTW"), b"a;b", headers).unwrap(), message);

    let null = OwnedMessage::new(
        None,
        None,
        "lane.flights".to_owned(),
        RecordTime::NotAvailable,
        3,
        42,
        None,
    );
    let null = decode_record(&topic(), &null).unwrap();
    assert!(null.payload().is_empty() && null.key().is_none());
    assert_eq!(null.created_at(), Timestamp::EPOCH);
    assert_ne!(
        null.id(),
        message.id(),
        "it is in another topic of the cluster"
    );
}

#[test]
fn a_place_has_one_id() {
    let here = ORIGIN;
    assert_eq!(
        here.id().to_string(),
        "c1b12a26-2b97-8d45-80d8-b5d7251e3270"
    );
    let others = [
        Origin {
            topic: "flight",
            ..here
        },
        Origin {
            partition: 4,
            ..here
        },
        Origin { offset: 43, ..here },
    ];
    for other in others {
        assert_ne!(other.id(), here.id(), "{other:?}");
    }
    let later = Origin {
        timestamp_ms: None,
        ..here
    };
    assert_eq!(later.id(), here.id());
}

#[test]
fn a_key_that_is_no_text_stays_one_key() {
    let message = foreign(Some(&[0, 0xFF]), b"", &[]).unwrap();
    assert_eq!(message.key(), Some("AP8="));
    assert_eq!(message.header("kafka-key-encoding"), Some("base64"));
    for (key, kept) in [
        (vec![b'k'; 1024], true),
        (vec![b'k'; 1025], false),
        (vec![0xFF; 768], true),
        (vec![0xFF; 769], false),
        (vec![], true),
    ] {
        let message = foreign(Some(&key), b"", &[]).unwrap();
        assert_eq!(message.key().is_some(), kept, "{}", key.len());
    }
}

#[test]
fn a_malformed_header_is_named() {
    let id = MessageId::new().to_string();
    let wrong: [(&str, &[u8]); 4] = [
        ("gm-id", b"1"),
        ("gm-ttl", b"soon"),
        ("gm-priority", &[0xFF]),
        ("content-type", b"odd"),
    ];
    for (name, value) in wrong {
        let mut headers: Vec<(&str, Option<&[u8]>)> = vec![(name, Some(value))];
        if name != "gm-id" {
            headers.push(("gm-id", Some(id.as_bytes())));
        }
        let error = foreign(None, b"", &headers).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Codec, "{name}");
        assert_eq!(error.context("header"), Some(name), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_message_comes_back(message in any_message()) {
        for encoding in ALL {
            let encoder = encoder(encoding);
            let encoded = encoder.encode(&message).unwrap();
            let back = decode_record(message.topic(), &record(&encoded)).unwrap();
            prop_assert!(back.verify().is_ok(), "{:?}", encoding);
            prop_assert_eq!(&back, &message, "{:?}", encoding);
        }
    }

    #[test]
    fn any_record_is_read_or_refused(
        key in proptest::option::of(any::<Vec<u8>>()),
        value in any::<Vec<u8>>(),
        headers in proptest::collection::vec(
            ("(gm-|ce_)?(id|specversion|source|type|time|ttl|content-type|[a-z ]{0,6})", proptest::option::of("(1\\.0|\\PC{0,9})")),
            0..8,
        ),
    ) {
        let headers = headers
            .iter()
            .map(|(name, value)| (&**name, value.as_deref().map(str::as_bytes)));
        let read = decode(&topic(), key.as_deref(), value.into(), headers, &ORIGIN);
        if let Err(error) = read {
            prop_assert_eq!(error.kind(), ErrorKind::Codec);
        }
    }
}
