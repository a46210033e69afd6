//! The test vectors of `docs/wire-format.md`, which were computed by another implementation.

use std::fmt::Write;

use bytes::Bytes;
use glmsg_core::{
    Attempt, AttemptOutcome, ContentType, History, KeyRing, Message, SigningKey, Timestamp, wire,
};

use crate::sample::{ID, MAX, full};

const MINIMAL: &str = "8f474d010000006401000000100190a5c87b1e7cc398c4dc0c0c07398f0200000007666c6967687473030000\
    00186170706c69636174696f6e2f6f637465742d73747265616d040000000101050000000800064748462040\
    00060000000200030e000000074454572d4c415300000026020000002101fb8d3cf9de6d7916bc1344e1e7c6\
    1edcc958dbcc8fefa1fba53507b67d7ba930";
const FULL: &str = "8f474d01000000be01000000100190a5c87b1e7cc398c4dc0c0c07398f020000000a666c69676874732e6575\
    03000000106170706c69636174696f6e2f6a736f6e0400000001020500000008000647484622224006000000\
    02000507000000034454570800000008000000000036ee800a00000008000647484c1621000b000000076f72\
    6465722d370c000000077265706c6965730d0000000903617070746f7765720d0000000b0674656e616e7461\
    636d650e0000000e7b2266726f6d223a22445457227d00000062010000003730302d30616637363531393136\
    636434336464383434386562323131633830333139632d623761643662373136393230333333312d30310200\
    0000210175f56a74a7b0bc7236400f24ecbfcaf042eb4e6e6ad14b5aa800f9c63bf17331";
const SIGNED: &str = "8f474d01000000be01000000100190a5c87b1e7cc398c4dc0c0c07398f020000000a666c69676874732e6575\
    03000000106170706c69636174696f6e2f6a736f6e0400000001020500000008000647484622224006000000\
    02000507000000034454570800000008000000000036ee800a00000008000647484c1621000b000000076f72\
    6465722d370c000000077265706c6965730d0000000903617070746f7765720d0000000b0674656e616e7461\
    636d650e0000000e7b2266726f6d223a22445457227d0000006a010000003730302d30616637363531393136\
    636434336464383434386562323131633830333139632d623761643662373136393230333333312d30310200\
    0000290207323032362d3031dac89584453c0841b84b34c78a1b8a700471582dcc41e03cf8c83d87fac9c1dd";
const DELAYED: &str = "8f474d010000006a01000000100190a5c87b1e7cc398c4dc0c0c07398f0200000007666c6967687473030000\
    00186170706c69636174696f6e2f6f637465742d73747265616d0400000001010500000008ffffffffffffff\
    ff06000000020000090000000800000000000005dc0e000000000000002602000000210171492670b28a88f8\
    ed70c9afa6a105bab9233c2145526c9f1ee4bb4cb8f1e0b9";
const HISTORY: &str = "0102000000010006474846204000000004626f6f6d0000000200064748462f8240030000";
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        write!(out, "{b:02x}").unwrap();
        out
    })
}

fn unhex(text: &str) -> Bytes {
    let digits: Vec<_> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
    let byte = |p: &[u32]| u8::try_from(p[0] * 16 + p[1]).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn minimal() -> Message {
    Message::builder("flights")
        .id(ID.parse().unwrap())
        .created_at("2026-01-01T00:00:00Z".parse().unwrap())
        .payload("DTW-LAS")
        .build()
        .unwrap()
}

fn delayed() -> Message {
    Message::builder("flights")
        .id(ID.parse().unwrap())
        .created_at(Timestamp::from_micros(-1))
        .content_type(ContentType::BYTES)
        .delay(std::time::Duration::from_micros(1_499_001))
        .max_retries(0)
        .build()
        .unwrap()
}

#[test]
fn envelopes_are_as_documented() {
    let key = SigningKey::new("2026-01", SECRET).unwrap();
    let messages = [
        (minimal(), MINIMAL),
        (full().build().unwrap(), FULL),
        (full().sign(&key).build().unwrap(), SIGNED),
        (delayed(), DELAYED),
    ];
    let keys = KeyRing::from_iter([key]);
    for (message, vector) in messages {
        assert_eq!(hex(&wire::encode(&message)), vector);
        let received = wire::decode(&unhex(vector), MAX).unwrap();
        assert_eq!(received, message);
        let verified = received.verify().or_else(|_| received.verify_with(&keys));
        verified.unwrap();
    }
}

#[test]
fn the_page_has_the_same_vectors() {
    let page = include_str!("../../../../docs/wire-format.md");
    let page: String = page.split_whitespace().collect();
    for vector in [MINIMAL, FULL, SIGNED, DELAYED, HISTORY] {
        assert!(page.contains(vector), "{vector}");
    }
}

#[test]
fn histories_are_as_documented() {
    let mut history = History::new();
    let at = |t: &str| t.parse::<Timestamp>().unwrap();
    history.push(Attempt::new(
        1,
        at("2026-01-01T00:00:00Z"),
        AttemptOutcome::Failed,
        "boom",
    ));
    history.push(Attempt::new(
        2,
        at("2026-01-01T00:00:01Z"),
        AttemptOutcome::LeaseExpired,
        "",
    ));
    assert_eq!(hex(&wire::encode_history(&history)), HISTORY);
    assert_eq!(wire::decode_history(&unhex(HISTORY)).unwrap(), history);
}
