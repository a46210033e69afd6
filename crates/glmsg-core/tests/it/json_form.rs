//! The JSON form of a message.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use glmsg_core::{
    ContentType, ErrorKind, KeyRing, ManualClock, Message, Priority, Schedule, SigningKey,
    Timestamp, wire,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sample::{ID, MAX, any_message, full};
use crate::vectors::SECRET;

#[test]
fn the_form_is_as_documented() {
    let key = SigningKey::new("2026-01", SECRET).unwrap();
    let message = full().sign(&key).build().unwrap();
    let form = concat!(
        r#"{"id":"0190a5c8-7b1e-7cc3-98c4-dc0c0c07398f","topic":"flights.eu","priority":"high","#,
        r#""payload":{"from":"DTW"},"headers":{"app":"tower","tenant":"acme"},"key":"DTW","#,
        r#""created_at":"2026-01-01T00:00:00.123456Z","correlation_id":"order-7","#,
        r#""reply_to":"replies","ttl_ms":3600000,"deliver_at":"2026-01-01T00:01:40Z","#,
        r#""max_retries":5,"#,
        r#""traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","#,
        r#""content_type":"application/json","provenance":{"level":"hmac-sha256","#,
        r#""key_id":"2026-01","#,
        r#""digest":"dac89584453c0841b84b34c78a1b8a700471582dcc41e03cf8c83d87fac9c1dd"}}"#,
    );
    assert_eq!(message.to_json(), form);
    let back = Message::from_json(form.as_bytes()).unwrap();
    assert_eq!(back, message);
    back.verify_with(&KeyRing::from_iter([key])).unwrap();
    assert_eq!(
        message.to_json_value(),
        serde_json::from_str::<Value>(form).unwrap()
    );
}

#[test]
fn more_members_can_be_added() {
    let message = full().build().unwrap();
    let form = message.to_json_with(&[("attempt", json!(2)), ("group", json!("a"))]);
    assert!(form.ends_with(r#""attempt":2,"group":"a"}"#));
    assert_eq!(Message::from_json(form.as_bytes()).unwrap(), message);
}

fn form_of(content_type: ContentType, payload: &[u8]) -> Value {
    let message = Message::builder("t")
        .content_type(content_type)
        .payload(payload.to_vec());
    let message = message.build().unwrap();
    let form = message.to_json();
    assert!(!form.contains(['\n', '\r']), "{form}");
    for form in [form.clone(), message.to_json_value().to_string()] {
        let back = Message::from_json(form.as_bytes()).unwrap();
        back.verify().unwrap();
        assert_eq!(back, message);
    }
    // What no value can hold is base64 there.
    serde_json::from_str(&form).unwrap_or_else(|_| message.to_json_value())
}

#[test]
fn payloads_by_content_type() {
    let other = ContentType::new("image/png").unwrap();
    let cases: [(ContentType, &[u8], Option<Value>, bool); 12] = [
        (
            ContentType::JSON,
            b"[1.00,\"a\"]",
            Some(json!([1.0, "a"])),
            false,
        ),
        (ContentType::JSON, b"null", Some(Value::Null), false),
        (
            ContentType::JSON,
            b"{\n \"a b\": \"c  d\\\\\"\r\n}\n",
            Some(json!({"a b": "c  d\\"})),
            true,
        ),
        (ContentType::JSON, b" 1", Some(json!(1)), true),
        (
            ContentType::JSON,
            b"{\"b\":1,\"a\":1e3}",
            Some(json!({"a": 1e3, "b": 1})),
            false,
        ),
        (ContentType::JSON, b"{oops", None, true),
        (ContentType::JSON, b"", None, true),
        (
            ContentType::TEXT,
            "grün\n\0".as_bytes(),
            Some(json!("grün\n\0")),
            false,
        ),
        (ContentType::TEXT, b"\xFF", None, true),
        (
            ContentType::BYTES,
            b"DTW-LAS\n",
            Some(json!("DTW-LAS\n")),
            false,
        ),
        (ContentType::BYTES, b"\x01\x02", None, true),
        (other, b"text", None, true),
    ];
    for (content_type, payload, nested, base64) in cases {
        let form = form_of(content_type, payload);
        assert_eq!(form.get("payload"), nested.as_ref());
        let exact = base64.then(|| json!(BASE64_STANDARD.encode(payload)));
        assert_eq!(form.get("payload_base64"), exact.as_ref());
    }
    // Valid, but no value can hold it: nested in the text, base64 in the value.
    let value = form_of(ContentType::JSON, b"[1e999,\"\\ud800\"]");
    assert!(value.get("payload").is_none() && value["payload_base64"].is_string());
}

#[test]
fn a_short_form_has_the_builders_defaults() {
    let clock = ManualClock::new(Timestamp::from_micros(7));
    let read = |form: &str| Message::from_json_at(form.as_bytes(), &clock).unwrap();
    let message = read(r#"{"topic": "t"}"#);
    assert_eq!(
        (message.created_at(), message.max_retries()),
        (clock_now(&clock), 3)
    );
    assert_eq!(
        (message.priority(), message.schedule()),
        (Priority::Normal, Schedule::Now)
    );
    assert!(message.payload().is_empty());
    message.verify().unwrap();

    let message = read(r#"{"topic": "t", "payload": "x", "key": null, "delay_ms": 5}"#);
    assert_eq!(message.payload(), "\"x\"");
    assert_eq!(*message.content_type(), ContentType::JSON);
    assert_eq!(message.key(), None);
    let message = read(r#"{"topic": "t", "payload": "x", "content_type": "text/plain"}"#);
    assert_eq!(message.payload(), "x");
}

fn clock_now(clock: &ManualClock) -> Timestamp {
    glmsg_core::Clock::now(clock)
}

#[test]
fn a_forged_form_does_not_verify() {
    let form = full().build().unwrap().to_json();
    for (from, to) in [
        ("DTW\"},", "LAS\"},"),
        ("\"high\"", "\"low\""),
        (ID, "0190a5c8-7b1e-7cc3-98c4-dc0c0c073980"),
    ] {
        let forged = Message::from_json(form.replace(from, to).as_bytes()).unwrap();
        assert_eq!(forged.verify().unwrap_err().kind(), ErrorKind::Codec);
        // The claim stays what it was, however often the message is passed on.
        let passed_on = wire::decode(&wire::encode(&forged), MAX).unwrap();
        assert!(passed_on.verify().is_err());
    }
}

#[test]
fn wrong_members_are_named() {
    let cases = [
        (r#""x""#, "", "expected an object"),
        ("{}", "topic", "missing"),
        (r#"{"topic":"t","topic":"t"}"#, "", "twice"),
        (r#"{"topic":"../t"}"#, "topic", "invalid topic name"),
        (r#"{"topic":1}"#, "topic", "no string"),
        (r#"{"topic":"t","id":"x"}"#, "id", "UUID"),
        (
            r#"{"topic":"t","priority":"urgent"}"#,
            "priority",
            "unknown priority",
        ),
        (
            r#"{"topic":"t","created_at":"now"}"#,
            "created_at",
            "RFC 3339",
        ),
        (r#"{"topic":"t","ttl_ms":-1}"#, "ttl_ms", "whole number"),
        (
            r#"{"topic":"t","ttl_ms":9007199254740992}"#,
            "ttl_ms",
            "whole number",
        ),
        (r#"{"topic":"t","max_retries":1001}"#, "max_retries", "1000"),
        (
            r#"{"topic":"t","delay_ms":1,"deliver_at":"2026-01-01T00:00:00Z"}"#,
            "delay_ms",
            "excludes",
        ),
        (
            r#"{"topic":"t","headers":{"a b":"c"}}"#,
            "headers",
            "visible ASCII",
        ),
        (r#"{"topic":"t","headers":{"a":1}}"#, "", "invalid type"),
        (
            r#"{"topic":"t","headers":{"a":"1","a":"2"}}"#,
            "headers",
            "twice",
        ),
        (
            r#"{"topic":"t","correlation_id":"a\u0000"}"#,
            "correlation_id",
            "control",
        ),
        (r#"{"topic":"t","traceparent":"x"}"#, "traceparent", "W3C"),
        (
            r#"{"topic":"t","content_type":"x"}"#,
            "content_type",
            "media type",
        ),
        (
            r#"{"topic":"t","payload":1,"content_type":"a/b"}"#,
            "payload",
            "string",
        ),
        (
            r#"{"topic":"t","payload_base64":"%"}"#,
            "payload_base64",
            "base64",
        ),
        (
            r#"{"topic":"t","payload":1,"payload_base64":"Mg=="}"#,
            "payload_base64",
            "not what stands",
        ),
        (
            r#"{"topic":"t","provenance":{"level":"md5","digest":"00"}}"#,
            "provenance",
            "not a provenance",
        ),
    ];
    for (form, member, why) in cases {
        let err = Message::from_json(form.as_bytes()).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Codec, "{form}");
        assert_eq!(
            err.context("member").unwrap_or_default(),
            member,
            "{form}: {err}"
        );
        assert!(err.to_string().contains(why), "{form}: {err}");
    }
    let key = format!(r#"{{"topic":"t","key":"{}"}}"#, "x".repeat(1025));
    let err = Message::from_json(key.as_bytes()).unwrap_err();
    assert_eq!(
        (err.kind(), err.context("member")),
        (ErrorKind::TooLarge, Some("key"))
    );
    let big = format!(
        r#"{{"topic":"t","payload_base64":"{}"}}"#,
        "A".repeat(24 << 20)
    );
    assert_eq!(
        Message::from_json(big.as_bytes()).unwrap_err().kind(),
        ErrorKind::TooLarge
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_message_comes_back(message in any_message()) {
        for form in [message.to_json(), message.to_json_value().to_string()] {
            let back = Message::from_json(form.as_bytes()).unwrap();
            prop_assert!(back.verify().is_ok());
            prop_assert_eq!(&back, &message);
        }
        prop_assert!(!message.to_json().contains('\n'));
    }
}
