//! Typed payloads by each codec.

use std::collections::BTreeMap;

use glmsg_core::codec::{Codec, Json, MsgPack, check_json, check_msgpack};
use glmsg_core::{ContentType, Error, ErrorKind, Message, MessageBuilder, limits};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Leg {
    Direct,
    Via { stop: String, minutes: u32 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flight {
    from: String,
    to: Option<String>,
    miles: f64,
    seats: Vec<i16>,
    legs: Vec<Leg>,
    notes: BTreeMap<String, u64>,
    cargo: (i64, bool, char),
}

fn flight() -> Flight {
    Flight {
        from: "DTW".to_owned(),
        to: None,
        miles: 1749.5,
        seats: vec![-1, 300],
        legs: vec![
            Leg::Direct,
            Leg::Via {
                stop: "SLC".to_owned(),
                minutes: 70_000,
            },
        ],
        notes: BTreeMap::from([("ü".to_owned(), u64::MAX)]),
        cargo: (i64::MIN, true, '✈'),
    }
}

fn trip(set: fn(MessageBuilder, &Flight) -> MessageBuilder, content_type: &ContentType) {
    let message = set(Message::builder("t"), &flight()).build().unwrap();
    assert_eq!(message.content_type(), content_type);
    assert_eq!(message.decode::<Flight>().unwrap(), flight());

    let err = message.decode::<BTreeMap<u8, u8>>().unwrap_err();
    assert_eq!(
        (err.kind(), err.context("topic")),
        (ErrorKind::Codec, Some("t"))
    );
    for end in 0..message.payload().len() {
        let cut = message.to_builder().payload(message.payload().slice(..end));
        let err = cut.build().unwrap().decode::<Flight>().unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Codec);
    }
    let longer = [message.payload(), &b"\x01"[..]].concat();
    let err = message
        .to_builder()
        .payload(longer)
        .build()
        .unwrap()
        .decode::<Flight>();
    assert_eq!(err.unwrap_err().kind(), ErrorKind::Codec);
}

#[test]
fn json() {
    trip(MessageBuilder::json, &ContentType::JSON);
    let other = ContentType::new("application/vnd.flight+json; v=2").unwrap();
    let message = Message::builder("t").json(&1).content_type(other);
    assert_eq!(message.build().unwrap().decode::<u8>().unwrap(), 1);
}

#[test]
fn msgpack() {
    trip(MessageBuilder::msgpack, &ContentType::MSGPACK);
    let other = ContentType::new("application/x-msgpack").unwrap();
    let message = Message::msgpack("t", &1)
        .unwrap()
        .to_builder()
        .content_type(other);
    assert_eq!(message.build().unwrap().decode::<u8>().unwrap(), 1);
    // Fields have names, so another one does no harm.
    let more = BTreeMap::from([("minutes", 1), ("more", 2)]);
    #[derive(Deserialize)]
    struct Few {
        minutes: u8,
    }
    assert_eq!(
        Message::msgpack("t", &more)
            .unwrap()
            .decode::<Few>()
            .unwrap()
            .minutes,
        1
    );
}

#[test]
fn bincode() {
    trip(MessageBuilder::bincode, &ContentType::BINCODE);
}

#[test]
fn text_decodes_as_a_string() {
    let message = Message::builder("t").text("grün").build().unwrap();
    assert_eq!(message.decode::<String>().unwrap(), "grün");
    assert_eq!(message.decode::<u8>().unwrap_err().kind(), ErrorKind::Codec);
    let latin = message
        .to_builder()
        .payload(&b"gr\xFCn"[..])
        .build()
        .unwrap();
    assert_eq!(
        latin.decode::<String>().unwrap_err().kind(),
        ErrorKind::Codec
    );
}

#[test]
fn bytes_have_no_codec() {
    let message = Message::new("t", "1").unwrap();
    let err = message.decode::<u8>().unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Unsupported);
    assert!(err.to_string().contains("payload()"), "{err}");
    assert_eq!(message.decode_with::<_, u8>(&Json).unwrap(), 1);
}

#[test]
fn what_has_no_form_is_refused_by_build() {
    let keys_that_are_no_text = BTreeMap::from([(vec![1], 1)]);
    let err = Message::json("t", &keys_that_are_no_text).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Codec);
}

fn nested(codec: &impl Codec, levels: usize) -> Result<Message, Error> {
    #[derive(Serialize)]
    struct Wrap(Vec<Wrap>);
    let mut value = Wrap(vec![]);
    for _ in 1..levels {
        value = Wrap(vec![value]);
    }
    Message::builder("t").encode_with(codec, &value).build()
}

#[test]
fn nesting_has_the_same_bound_on_both_sides() {
    #[derive(Deserialize)]
    struct Wrap(#[allow(dead_code)] Vec<Wrap>);
    let deepest = limits::MAX_NESTING;
    nested(&Json, deepest).unwrap().decode::<Wrap>().unwrap();
    nested(&MsgPack, deepest).unwrap().decode::<Wrap>().unwrap();
    for err in [nested(&Json, deepest + 1), nested(&MsgPack, deepest + 1)] {
        let err = err.unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Codec);
        assert!(err.to_string().contains("64 levels"), "{err}");
    }
}

#[test]
fn an_error_quotes_little_of_the_payload() {
    let message = Message::json("t", &"x".repeat(100_000)).unwrap();
    assert!(message.decode::<u8>().unwrap_err().to_string().len() < 1300);
}

#[test]
fn a_codec_of_ones_own() {
    struct Reversed;
    impl Codec for Reversed {
        fn name(&self) -> &'static str {
            "reversed JSON"
        }
        fn content_type(&self) -> ContentType {
            ContentType::new("x/nosj").unwrap()
        }
        fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<bytes::Bytes, Error> {
            Ok(Json.encode(value)?.iter().rev().copied().collect())
        }
        fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Error> {
            Json.decode(&bytes.iter().rev().copied().collect::<Vec<_>>())
        }
    }
    let message = Message::builder("t")
        .encode_with(&Reversed, &120)
        .build()
        .unwrap();
    assert_eq!(message.payload(), "021");
    assert_eq!(message.decode_with::<_, u8>(&Reversed).unwrap(), 120);
    assert_eq!(
        message.decode::<u8>().unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

#[test]
fn json_is_checked_without_building_it() {
    for good in [
        "1",
        " {} ",
        r#"{"a":["\"]]]",[1e999]]}"#,
        "\"\\\\\"",
        "null\n",
    ] {
        check_json(good.as_bytes()).unwrap();
    }
    for bad in [
        "", " ", "{", "]", "1 2", "{\"a\"}", "\"", "\"\\", "nul", "[1,]", "'a'", "NaN",
    ] {
        assert_eq!(
            check_json(bad.as_bytes()).unwrap_err().kind(),
            ErrorKind::Codec,
            "{bad}"
        );
    }
    assert!(check_json(b"\"\xFF\"").is_err());
}

#[test]
fn msgpack_documents_are_measured() {
    let value = serde_json::json!({"a": [1, -7, 1.5, null, true, "grün"], "b": {"c": u64::MAX}});
    let one = rmp_serde::to_vec(&value).unwrap();
    let many = [&one[..], &one, b"\xC0"].concat();
    assert_eq!(check_msgpack(&many).unwrap(), one.len());
    assert_eq!(check_msgpack(&many[2 * one.len()..]).unwrap(), 1);
    for cut in 0..one.len() {
        assert!(check_msgpack(&one[..cut]).is_err(), "{cut}");
    }
    // Each marker with exactly the bytes it asks for, and with one fewer.
    let exact: [(&[u8], usize); 22] = [
        (&[0xC4, 2], 2),
        (&[0xC5, 0, 2], 2),
        (&[0xC6, 0, 0, 0, 2], 2),
        (&[0xC7, 2, 9], 2),
        (&[0xC8, 0, 2, 9], 2),
        (&[0xC9, 0, 0, 0, 2, 9], 2),
        (&[0xCA], 4),
        (&[0xCB], 8),
        (&[0xCC], 1),
        (&[0xCD], 2),
        (&[0xCE], 4),
        (&[0xCF], 8),
        (&[0xD0], 1),
        (&[0xD3], 8),
        (&[0xD4, 9], 1),
        (&[0xD8, 9], 16),
        (&[0xD9, 2], 2),
        (&[0xDA, 0, 2], 2),
        (&[0xDB, 0, 0, 0, 2], 2),
        (&[0xDC, 0, 2], 2),
        (&[0xDE, 0, 1], 2),
        (&[0xDF, 0, 0, 0, 1], 2),
    ];
    for (head, body) in exact {
        let whole = [head, &vec![0; body]].concat();
        assert_eq!(check_msgpack(&whole).unwrap(), whole.len(), "{head:02x?}");
        assert!(
            check_msgpack(&whole[..whole.len() - 1]).is_err(),
            "{head:02x?}"
        );
    }
    assert!(check_msgpack(&[0xC1]).is_err());
    assert!(check_msgpack(&[0xA1, 0xFF]).is_err());
}
