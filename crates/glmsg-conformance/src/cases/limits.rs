//! Limits: what is too large is refused, and what is merely strange arrives as it is.

use std::time::Duration;

use glmsg_broker::{Published, SubscribeOptions};
use glmsg_core::limits::{MAX_CORRELATION_ID, MAX_HEADER_NAME, MAX_HEADERS, MAX_KEY};
use glmsg_core::{ErrorKind, MAX_NAME, MAX_SEGMENT, MemberName, Message, MessageId, Timestamp};

use crate::member::{Member, received_ids};
use crate::messages::{build, builder, group, ids, message, named_topic, publish_one, store};
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! limits_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { limits ["limits.rs"] [
            the_largest_payload_arrives,
            a_larger_payload_is_refused,
            an_empty_payload_arrives,
            any_bytes_are_a_payload,
            the_longest_names_work,
            names_that_differ_in_case_or_dots_are_different,
            the_fullest_message_arrives,
            times_at_the_end_of_time_do_not_overflow,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    limits_cases!(__list)
}

/// A payload of the declared maximum is stored and arrives.
///
/// Promise 14
pub async fn the_largest_payload_arrives<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let bytes = (0..=u8::MAX).cycle();
    let payload: Vec<u8> = bytes.take(F::capability().max_payload).collect();
    let sent = build(builder("").payload(payload));
    store(&broker, std::slice::from_ref(&sent)).await;
    let got = Member::join(&broker, "g").await.next().await;
    assert!(got.message == sent, "the payload arrived changed");
}

/// A payload of one byte more is refused with `TooLarge`, before it costs anything.
///
/// Promise 14
pub async fn a_larger_payload_is_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let payload = vec![0; F::capability().max_payload + 1];
    let sent = match builder("").payload(payload).build() {
        Ok(sent) => sent,
        // The declared maximum is as large as a message can be: the builder refuses more.
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
            return;
        }
    };
    match publish_one(&broker, &sent).await {
        Published::Rejected(error) => assert_eq!(error.kind(), ErrorKind::TooLarge),
        other => panic!("expected `Rejected`, got {other:?}"),
    }
    let mut member = Member::join(&broker, "g").await;
    member.expect_nothing(&broker).await;
}

/// A message without a payload is a message.
pub async fn an_empty_payload_arrives<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = message("");
    store(&broker, std::slice::from_ref(&sent)).await;
    let got = Member::join(&broker, "g").await.next().await;
    assert_eq!(got.message, sent);
}

/// Bytes of every kind arrive unchanged: a backend does not look into payloads.
///
/// Promise 14
pub async fn any_bytes_are_a_payload<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut random = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        random.to_be_bytes()[0]
    })
    .take(10_000)
    .collect();
    let payloads = [
        vec![0; 1000],
        vec![0xff; 1000],
        noise,
        b"'; DROP TABLE messages; --\r\n$1\r\n".to_vec(),
        "[".repeat(200_000).into_bytes(),
        vec![0x91; 200_000],
    ];
    let fits = |p: &Vec<u8>| p.len() <= F::capability().max_payload;
    let messages: Vec<Message> = payloads
        .into_iter()
        .filter(fits)
        .map(|p| build(builder("").payload(p)))
        .collect();
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(messages.len()).await;
    for (n, (got, sent)) in got.iter().zip(&messages).enumerate() {
        assert!(got.message == *sent, "payload {n} arrived changed");
    }
    member.ack_all(&got).await;
}

/// Topics, groups and members may have the longest names there are. A server with a limit
/// for all of them together says so.
pub async fn the_longest_names_work<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let segment = |c: char| c.to_string().repeat(MAX_SEGMENT);
    let mut name = ["a", "b", "c"]
        .map(|s| segment(s.chars().next().unwrap()))
        .join(".");
    name.push('.');
    name.push_str(&"d".repeat(MAX_NAME - name.len()));
    let topic = named_topic(&name);
    let sent = Message::new(&topic, "far").expect("a valid message");
    store(&broker, std::slice::from_ref(&sent)).await;
    let options = SubscribeOptions::new(&topic, group(&name))
        .expect("valid options")
        .member(MemberName::new(&name).expect("a valid name"));
    // A server may have a limit for both together. Then it is told, and nothing is cut off.
    if let Err(refused) = broker.open_source(&options).await {
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{refused}");
        assert!(refused.to_string().contains("the limit is"), "{refused}");
        return;
    }
    let mut member = Member::join_with(&broker, &options).await;
    let got = member.next().await;
    assert_eq!(got.message, sent);
    member.ack(&got).await;
}

/// Names are compared byte by byte, and none is part of another. Where a server takes two for the
/// same, the second is refused, and the first is not affected.
pub async fn names_that_differ_in_case_or_dots_are_different<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let names = [
        "orders",
        "Orders",
        "ORDERS",
        "orders.eu",
        "orders-eu",
        "orders_eu",
        "orderseu",
    ];
    let messages: Vec<_> = names
        .iter()
        .map(|name| Message::new(named_topic(name), *name).expect("a valid message"))
        .collect();
    let mut stored = Vec::new();
    for (name, sent) in names.iter().zip(&messages) {
        match publish_one(&broker, sent).await {
            Published::Stored => stored.push((name, sent)),
            Published::Rejected(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name}: {error}");
                assert!(stored.len() > 4, "{name} is taken for another: {error}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    for (name, sent) in stored {
        for group_name in names {
            let topic = named_topic(name);
            let options = SubscribeOptions::new(topic, group(group_name)).expect("valid");
            if let Err(refused) = broker.open_source(&options).await {
                assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{refused}");
                assert_ne!(
                    *group_name, **name,
                    "the same name again is no other: {refused}"
                );
                continue;
            }
            let mut member = Member::join_with(&broker, &options).await;
            let got = member.next().await;
            assert_eq!(got.message.id(), sent.id(), "{name} for group {group_name}");
            member.ack(&got).await;
        }
        let lag = broker.lag(&named_topic(name), &group(name)).await;
        assert_eq!(lag.expect("a lag").total(), 0);
    }
}

/// A message at every limit of the model at once arrives whole.
pub async fn the_fullest_message_arrives<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut full = builder("full")
        .key("k".repeat(MAX_KEY))
        .correlation_id("c".repeat(MAX_CORRELATION_ID))
        .max_retries(1000);
    for n in 0..MAX_HEADERS {
        let name = format!("{n:0>MAX_HEADER_NAME$}");
        full = full.header(&name, &"ü".repeat(2048));
    }
    let sent = build(full);
    store(&broker, std::slice::from_ref(&sent)).await;
    let got = Member::join(&broker, "g").await.next().await;
    assert!(got.message == sent, "the message arrived changed");
}

/// The longest times to live and delays, and times before the epoch, neither overflow nor panic.
///
/// Promise 14
pub async fn times_at_the_end_of_time_do_not_overflow<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut now = vec![
        build(builder("made early").created_at(Timestamp::from_micros(i64::MIN))),
        build(builder("made late").created_at(Timestamp::MAX)),
        build(builder("nil").id(MessageId::from_bytes([0; 16]))),
    ];
    if F::capability().ttl {
        now.push(build(builder("immortal").ttl(Duration::MAX)));
    }
    if F::capability().scheduling {
        let past = Timestamp::from_micros(i64::MIN);
        now.push(build(builder("overdue").deliver_at(past)));
        let never = [
            build(builder("never").deliver_at(Timestamp::MAX)),
            build(builder("after ages").delay(Duration::MAX)),
            build(builder("both").delay(Duration::MAX).ttl(Duration::MAX)),
        ];
        let n = if F::capability().ttl { 3 } else { 2 };
        store(&broker, &never[..n]).await;
    }
    store(&broker, &now).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(now.len()).await;
    assert_eq!(received_ids(&got), ids(&now));
    // A retry after for ever is a retry all the same.
    let settled = member.retry(&got[0], Duration::MAX, "never again").await;
    assert!(
        matches!(settled, glmsg_broker::Settled::Retried(_)),
        "{settled:?}"
    );
    member.ack_all(&got[1..]).await;
    member.expect_nothing(&broker).await;
}
