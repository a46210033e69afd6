//! The builder: its defaults, and what it refuses.

use std::time::Duration;

use bytes::Bytes;
use glmsg_core::{
    ContentType, ErrorKind, ManualClock, Message, MessageBuilder, MessageId, Priority, Schedule,
    Timestamp, limits,
};

use crate::sample::full;

#[test]
fn defaults() {
    let clock = ManualClock::new(Timestamp::from_micros(7));
    let message = Message::builder("t").build_at(&clock).unwrap();
    assert_eq!(message.created_at(), Timestamp::from_micros(7));
    assert_eq!(
        (message.priority(), message.schedule()),
        (Priority::Normal, Schedule::Now)
    );
    assert_eq!((message.max_retries(), message.max_attempts()), (3, 4));
    assert_eq!(
        (message.ttl(), message.key(), message.reply_to()),
        (None, None, None)
    );
    assert_eq!(*message.content_type(), ContentType::BYTES);
    assert!(message.payload().is_empty() && message.headers().is_empty());
}

#[test]
fn the_first_thing_wrong_is_reported() {
    let long = |n: usize| "x".repeat(n + 1);
    let b = || Message::builder("t");
    let cases: [(MessageBuilder, ErrorKind); 10] = [
        (Message::builder("../t"), ErrorKind::InvalidArgument),
        (
            b().header("a b", "").header("ok", &long(9999)),
            ErrorKind::InvalidArgument,
        ),
        (b().key(long(limits::MAX_KEY)), ErrorKind::TooLarge),
        (
            b().correlation_id(long(limits::MAX_CORRELATION_ID)),
            ErrorKind::TooLarge,
        ),
        (b().correlation_id("a\0"), ErrorKind::InvalidArgument),
        (b().max_retries(1001), ErrorKind::InvalidArgument),
        (b().traceparent("00-xyz"), ErrorKind::InvalidArgument),
        (
            b().traceparent(format!("00-{:032}-{:016}-01", 0, 1)),
            ErrorKind::InvalidArgument,
        ),
        (
            b().traceparent(format!("00-{:032}-{:016}-01-x", 1, 1)),
            ErrorKind::InvalidArgument,
        ),
        (
            b().payload(vec![0; limits::MAX_PAYLOAD + 1]),
            ErrorKind::TooLarge,
        ),
    ];
    for (builder, kind) in cases {
        let shown = format!("{builder:?}").chars().take(80).collect::<String>();
        assert_eq!(builder.build().unwrap_err().kind(), kind, "{shown}");
    }
}

#[test]
fn a_hundred_megabytes_are_refused() {
    // `Bytes` is taken as it is, so nothing was copied by then.
    let payload = Bytes::from(vec![0; 100_000_000]);
    let at = payload.as_ptr();
    let err = Message::new("t", payload.clone()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::TooLarge);
    assert!(err.to_string().contains("100000000"), "{err}");
    assert_eq!(payload.as_ptr(), at);
}

#[test]
fn durations_are_whole_milliseconds_rounded_up() {
    let ttl = |d| Message::builder("t").ttl(d).build().unwrap().ttl().unwrap();
    assert_eq!(ttl(Duration::from_nanos(1)), Duration::from_millis(1));
    assert_eq!(ttl(Duration::from_micros(1001)), Duration::from_millis(2));
    assert_eq!(ttl(Duration::ZERO), Duration::ZERO);
    assert_eq!(
        ttl(Duration::MAX),
        Duration::from_millis(limits::MAX_MILLIS)
    );
}

#[test]
fn a_copy_keeps_what_is_not_changed() {
    let message = full().build().unwrap();
    assert_eq!(message.to_builder().build().unwrap(), message);
    let copy = message
        .to_builder()
        .priority(Priority::Low)
        .build()
        .unwrap();
    assert_eq!(copy.id(), message.id());
    assert_ne!(copy.provenance(), message.provenance());
    copy.verify().unwrap();
}

#[test]
fn ids_ascend() {
    let ids: Vec<_> = (0..10_000).map(|_| MessageId::new()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert!("no-uuid".parse::<MessageId>().is_err());
}

#[test]
fn contents_are_not_shown() {
    let message = full()
        .header("token", "s3cret")
        .payload("s3cret")
        .build()
        .unwrap();
    assert!(!format!("{message:?}").contains("s3cret"));
}
