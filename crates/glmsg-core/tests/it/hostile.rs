//! Input made to do harm.

use std::collections::HashMap;

use glmsg_core::codec::{check_json, check_msgpack};
use glmsg_core::{ContentType, ErrorKind, Message};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
struct Deep(#[allow(dead_code)] Vec<Deep>);

/// Runs on a stack as small as that of a runtime's thread.
fn on_two_mebibytes(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    thread.spawn(run).unwrap().join().unwrap();
}

fn message(content_type: ContentType, payload: Vec<u8>) -> Message {
    let builder = Message::builder("t").content_type(content_type);
    builder.payload(payload).build().unwrap()
}

#[test]
fn deep_documents_are_an_error() {
    on_two_mebibytes(|| {
        let open = [&b"["[..], b"{\"a\":", b"[[\"x\",", b" [ \n"].map(|p| p.repeat(200_000));
        let closed = [&open[0][..], &b"]".repeat(200_000)].concat();
        for json in open.into_iter().chain([closed]) {
            let err = check_json(&json).unwrap_err();
            assert_eq!(err.kind(), ErrorKind::Codec);
            let message = message(ContentType::JSON, json);
            for err in [
                message.decode::<Value>().unwrap_err(),
                message.decode::<Deep>().unwrap_err(),
                message.decode::<serde::de::IgnoredAny>().unwrap_err(),
            ] {
                assert!(err.to_string().contains("64 levels"), "{err}");
            }
            // What is wrong with a payload is no reason not to show the message.
            let form = message.to_json();
            assert_eq!(Message::from_json(form.as_bytes()).unwrap(), message);
            assert!(Message::from_json(message.payload()).is_err());
        }
        for pack in [
            &b"\x91"[..],
            b"\x81\x01",
            b"\xDC\x00\x01",
            b"\xDD\x00\x00\x00\x01",
        ] {
            let pack = [&pack.repeat(200_000)[..], b"\xC0"].concat();
            assert_eq!(check_msgpack(&pack).unwrap_err().kind(), ErrorKind::Codec);
            let message = message(ContentType::MSGPACK, pack);
            assert!(message.decode::<Deep>().is_err());
            assert!(message.decode::<Value>().is_err());
        }
    });
}

#[test]
fn a_length_that_lies_costs_nothing() {
    let lies: [&[u8]; 10] = [
        b"\xDB\xFF\xFF\xFF\xFF",
        b"\xC6\xFF\xFF\xFF\xFF",
        b"\xC9\xFF\xFF\xFF\xFF\x01",
        b"\xDD\xFF\xFF\xFF\xFF",
        b"\xDF\xFF\xFF\xFF\xFF",
        b"\xDC\xFF\xFF\x00",
        b"\xDE\xFF\xFF\x00",
        b"\x9F\x00",
        b"\x8F\x00\x00",
        b"\xBFx",
    ];
    for lie in lies {
        let err = check_msgpack(lie).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Codec);
        let message = message(ContentType::MSGPACK, lie.to_vec());
        assert!(message.decode::<Vec<u64>>().is_err());
        assert!(message.decode::<String>().is_err());
        assert!(message.decode::<HashMap<String, Value>>().is_err());
    }
    #[cfg(feature = "bincode")]
    for len in [
        &[0xFD; 9][..],
        &[0xFC, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0xFB, 0xFF, 0xFF],
    ] {
        let message = message(ContentType::BINCODE, len.to_vec());
        assert!(message.decode::<Vec<u64>>().is_err());
        assert!(message.decode::<String>().is_err());
        assert!(message.decode::<HashMap<String, u8>>().is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..120)) {
        let all = [ContentType::JSON, ContentType::MSGPACK, ContentType::BINCODE, ContentType::TEXT];
        for content_type in all {
            let message = message(content_type, bytes.clone());
            let _ = message.decode::<Value>();
            let _ = message.decode::<Vec<(u8, String)>>();
            let form = message.to_json();
            prop_assert_eq!(Message::from_json(form.as_bytes()).unwrap(), message);
        }
        let _ = Message::from_json(&bytes);
        if let Ok(len) = check_msgpack(&bytes) {
            prop_assert!((1..=bytes.len()).contains(&len));
        }
    }

    /// The check and the parser agree, so that what was checked can be decoded.
    #[test]
    fn what_is_checked_is_what_is_parsed(json in "[\\[\\]{},:\"\\\\au0-9.eE+ -]{0,14}") {
        let parsed = serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok();
        prop_assert_eq!(check_json(json.as_bytes()).is_ok(), parsed);
    }

    #[test]
    fn any_value_packs_and_checks(value in any_value()) {
        let packed = Message::msgpack("t", &value).unwrap();
        prop_assert_eq!(check_msgpack(packed.payload()).unwrap(), packed.payload().len());
        prop_assert_eq!(&packed.decode::<Value>().unwrap(), &value);
        let text = Message::json("t", &value).unwrap();
        prop_assert_eq!(text.decode::<Value>().unwrap(), value);
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::from),
            vec(("\\PC{0,5}", inner), 0..5).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}
