//! CloudEvents, ours and those of others.

use super::*;

const OTHERS: [(&str, Option<&[u8]>); 6] = [
    ("ce_specversion", Some(b"1.0")),
    ("ce_id", Some(b"A234-1234-1234")),
    ("ce_source", Some(b"/mycontext")),
    ("ce_type", Some(b"com.example.someevent")),
    ("ce_subject", Some(b"DTW")),
    ("content-type", Some(b"application/avro")),
];

fn with<'a>(more: &[(&'a str, Option<&'a [u8]>)]) -> Vec<(&'a str, Option<&'a [u8]>)> {
    [&OTHERS, more].concat()
}

#[test]
fn the_headers_are_those_of_the_binding() {
    let message = message().header("ce-subject", "DTW").build().unwrap();
    let encoder = Encoder::new(
        &KafkaConfig::new()
            .encoding(Encoding::CloudEvents)
            .name("tower"),
    );
    let encoded = encoder.encode(&message).unwrap();
    let text = |name: &str| {
        let found = encoded.headers.iter().find(|(key, _)| *key == name);
        let value = found.and_then(|(_, value)| value).map(<[u8]>::to_vec);
        value.map(|value| String::from_utf8(value).unwrap())
    };
    let id = message.id().to_string();
    let provenance = message.provenance().to_string();
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_id", &*id),
        ("ce_source", "/tower"),
        ("ce_type", "flights"),
        ("ce_time", "2026-01-01T00:00:00.000001Z"),
        ("content-type", "application/json"),
        ("ce_partitionkey", "DTW"),
        ("ce_subject", "DTW"),
        ("ce_glmsgdeliverat", "2026-01-01T00:01:40.000002Z"),
        ("ce_glmsgmaxretries", "9"),
        (
            "ce_glmsgheaders",
            "{\"gm-odd\":\"\u{20ac}\",\"tenant\":\"acme\"}",
        ),
        ("ce_glmsgprovenance", &provenance),
    ] {
        assert_eq!(text(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(text("ce_datacontenttype"), None);
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    for name in names(&encoded) {
        let attribute = name.strip_prefix("ce_").unwrap_or("contenttype");
        assert!(
            attribute.len() <= 20 && attribute.chars().all(allowed),
            "{name}"
        );
    }
    assert_eq!(&encoded.value[..], b"{}");
}

#[test]
fn a_time_that_cannot_be_said_is_refused() {
    let message = message().created_at(Timestamp::MAX).build().unwrap();
    let error = encoder(Encoding::CloudEvents).encode(&message).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(error.context("attribute"), Some("time"));
}

#[test]
fn an_event_of_others_is_read() {
    let trace: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = with(&[
        ("tenant", Some(b"acme")),
        ("gm-attempts", Some(b"2")),
        ("binary", Some(&[0xFF])),
        ("traceparent", Some(trace)),
    ]);
    let message = foreign(Some(b"DTW"), b"data", &headers).unwrap();
    assert_eq!(
        message.id().to_string(),
        "9d9ce6d4-188d-8341-bb74-10a94c6b2fba"
    );
    let kept: Vec<_> = message.headers().iter().collect();
    let expected = [
        ("ce-id", "A234-1234-1234"),
        ("ce-source", "/mycontext"),
        ("ce-subject", "DTW"),
        ("ce-type", "com.example.someevent"),
        ("tenant", "acme"),
    ];
    assert_eq!(kept, expected);
    assert_eq!(message.key(), Some("DTW"));
    assert_eq!(message.payload(), "data");
    assert_eq!(message.content_type().as_str(), "application/avro");
    assert_eq!(message.traceparent().map(str::as_bytes), Some(trace));
    // It says no time: the record's.
    assert_eq!(message.created_at().as_micros(), 1_767_225_600_123_000);
    message.verify().unwrap();

    // What the event says itself goes before what stands beside it.
    let headers = with(&[
        ("ce_partitionkey", Some(b"LAS")),
        ("ce_time", Some(b"2026-01-01T00:00:00Z")),
        ("ce_datacontenttype", Some(b"text/plain")),
        ("traceparent", Some(b"odd")),
    ]);
    let message = foreign(Some(b"DTW"), b"", &headers).unwrap();
    assert_eq!(message.key(), Some("LAS"));
    assert_eq!(message.created_at().as_micros(), 1_767_225_600_000_000);
    assert_eq!(message.content_type().as_str(), "application/avro");
    assert_eq!(message.traceparent(), None);
    let message = foreign(Some(&[0xFF]), b"", &OTHERS).unwrap();
    assert_eq!(message.key(), Some("/w=="));
    assert_eq!(message.header("kafka-key-encoding"), Some("base64"));
}

#[test]
fn as_many_headers_as_a_message_may_carry() {
    let names: Vec<_> = (0..100).map(|n| format!("h{n:03}")).collect();
    let more: Vec<(&str, Option<&[u8]>)> = names.iter().map(|n| (&**n, None)).collect();
    let more: Vec<_> = more
        .iter()
        .map(|(n, _)| (*n, Some(b"x".as_slice())))
        .collect();
    let message = foreign(None, b"", &with(&more)).unwrap();
    assert_eq!(message.headers().len(), 64);
    assert_eq!(message.header("ce-id"), Some("A234-1234-1234"));
}

#[test]
fn what_is_wrong_is_named() {
    for (name, value, attribute) in [
        ("ce_time", Some(b"yesterday".as_slice()), "time"),
        ("ce_subject", None, "subject"),
        ("ce_more", Some(&[0xFF]), "more"),
        ("ce_Odd", Some(b"x"), "Odd"),
        ("ce_data_base64", Some(b"x"), "data_base64"),
    ] {
        let headers: Vec<_> = with(&[(name, value)]);
        let error = foreign(None, b"", &headers).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Codec, "{name}");
        assert_eq!(error.context("attribute"), Some(attribute), "{error}");
    }
    let error = foreign(None, b"", &OTHERS[..1]).unwrap_err();
    assert_eq!(error.context("attribute"), Some("id"), "{error}");
}

#[test]
fn structured_mode_is_read() {
    let message = message().build().unwrap();
    let event = message.to_cloudevent("/tower", "flight").unwrap();
    for (content_type, is_event) in [
        ("application/cloudevents+json", true),
        ("application/cloudevents+json; charset=UTF-8", true),
        ("application/cloudevents-batch+json", false),
        ("application/json", false),
    ] {
        let headers = [(binding::CONTENT_TYPE, Some(content_type.as_bytes()))];
        let value = Bytes::copy_from_slice(event.as_bytes());
        let back = decode(&topic(), None, value, headers.into_iter(), &ORIGIN).unwrap();
        assert_eq!(back == message, is_event, "{content_type}");
        back.verify().unwrap();
    }
}
