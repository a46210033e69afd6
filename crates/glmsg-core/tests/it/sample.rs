//! Messages to test with.

use std::time::Duration;

use glmsg_core::{
    ContentType, Message, MessageBuilder, MessageId, Priority, Timestamp, TopicName, limits,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) const MAX: usize = limits::max_envelope(limits::MAX_PAYLOAD);
pub(crate) const ID: &str = "0190a5c8-7b1e-7cc3-98c4-dc0c0c07398f";

/// A message with nearly every field set.
pub(crate) fn full() -> MessageBuilder {
    Message::builder("flights.eu")
        .id(ID.parse().unwrap())
        .payload("{\"from\":\"DTW\"}")
        .content_type(ContentType::JSON)
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
}

#[derive(Debug, Clone)]
enum When {
    Now,
    After(u64),
    At(i64),
}

/// Any message there can be, payloads and headers kept small.
pub(crate) fn any_message() -> impl Strategy<Value = Message> {
    let name = "[A-Za-z0-9_-]{1,8}(\\.[A-Za-z0-9_-]{1,8}){0,2}";
    let topic = name.prop_filter("reserved", |n| TopicName::new(n).is_ok());
    let reply = option::of(topic.clone());
    let content_type = prop_oneof![
        Just("application/json".to_owned()),
        Just("application/octet-stream".to_owned()),
        Just("text/plain; charset=utf-8".to_owned()),
        "[a-z]{1,5}/[a-z+]{1,9}",
    ];
    let payload = prop_oneof![
        vec(any::<u8>(), 0..200),
        "\\PC{0,40}".prop_map(String::into_bytes),
        "[\\[\\]{},:\"0-9a \n]{0,12}".prop_map(String::into_bytes),
        Just(b"{\"a\": [1.00, 1e400, \"\\ud800\"] }\n".to_vec()),
        Just(b" [ \"a  b\\\" \" ,\t2]\r\n".to_vec()),
    ];
    let when = prop_oneof![
        Just(When::Now),
        any::<u64>().prop_map(When::After),
        any::<i64>().prop_map(When::At),
    ];
    let header = ("(ce-)?[!-~]{1,12}", "[^\\p{Cc}]{0,20}");
    let text = "[^\\p{Cc}]{0,20}";
    (
        (any::<[u8; 16]>(), topic, content_type, payload, 0u8..4),
        (any::<i64>(), option::of(any::<u64>()), when, 0u16..=1000),
        (option::of(".{0,30}"), option::of(text), reply),
        vec(header, 0..5),
        option::of("[0-9a-e]{2}-[0-9a-f]{31}1-[0-9a-f]{15}2-[0-9a-f]{2}"),
    )
        .prop_map(|(a, b, c, headers, trace)| {
            let mut m = Message::builder(a.1)
                .id(MessageId::from_bytes(a.0))
                .content_type(ContentType::new(&a.2).unwrap())
                .payload(a.3)
                .priority(Priority::from_u8(a.4).unwrap())
                .created_at(Timestamp::from_micros(b.0))
                .max_retries(b.3);
            m = match b.2 {
                When::Now => m,
                When::After(ms) => m.delay(Duration::from_millis(ms)),
                When::At(at) => m.deliver_at(Timestamp::from_micros(at)),
            };
            if let Some(nanos) = b.1 {
                m = m.ttl(Duration::from_nanos(nanos));
            }
            if let Some(key) = c.0 {
                m = m.key(key);
            }
            if let Some(id) = c.1 {
                m = m.correlation_id(id);
            }
            if let Some(topic) = c.2 {
                m = m.reply_to(TopicName::new(topic).unwrap());
            }
            for (name, value) in &headers {
                m = m.header(name, value);
            }
            if let Some(trace) = trace {
                m = m.traceparent(trace);
            }
            m.build().unwrap()
        })
}
