//! Any message there can be, payloads and headers kept small, and times within those that an event
//! can say.

use proptest::collection::vec;
use proptest::option;

use super::*;

#[derive(Debug, Clone)]
enum When {
    Now,
    After(u64),
    At(i64),
}

pub(super) fn any_message() -> impl Strategy<Value = Message> {
    let name = "[A-Za-z0-9_-]{1,8}(\\.[A-Za-z0-9_-]{1,8}){0,2}";
    let topic = name.prop_filter("reserved", |n| TopicName::new(n).is_ok());
    let reply = option::of(topic.clone());
    let content_type = prop_oneof![
        Just("application/json".to_owned()),
        Just("application/octet-stream".to_owned()),
        Just("application/cloudevents+json".to_owned()),
        Just(ENVELOPE.to_owned()),
        "[a-z]{1,5}/[a-z+]{1,9}",
    ];
    let when = prop_oneof![
        Just(When::Now),
        any::<u64>().prop_map(When::After),
        any::<i64>().prop_map(|at| When::At(at >> 16)),
    ];
    let header = (
        "(ce-|ce_|gm-|gm-header-)?([!-~]{1,12}|content-type|traceparent|id|specversion)",
        "[^\\p{Cc}]{0,20}",
    );
    let text = "[^\\p{Cc}]{0,20}";
    (
        (
            any::<[u8; 16]>(),
            topic,
            content_type,
            vec(any::<u8>(), 0..60),
            0u8..4,
        ),
        (
            any::<i64>(),
            option::of(any::<u64>()),
            when,
            prop_oneof![Just(3), 0u16..=1000],
        ),
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
                .created_at(Timestamp::from_micros(b.0 >> 16))
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
