//! What goes into frames, and what beside them.

use std::time::Duration;

use glmsg_broker::{Published, TopicConfig};
use glmsg_core::Priority;

use super::{assert_done, frame, framed};
use crate::Fixture;
use crate::member::{Member, received_ids};
use crate::messages::{
    build, builder, ids, lag, message, numbered, publish, publish_one, store, topic,
};
use crate::patience::within;

/// A message that a frame holds already is a duplicate, whatever it is published together with.
///
/// Promise 11
pub async fn a_message_is_known_inside_and_across_frames<F: Fixture>(f: F) {
    let (broker, messages) = framed(&f, 3).await;
    let [a, b, c] = &messages[..] else {
        panic!("three messages");
    };
    let (d, e) = (message("d"), message("e"));
    let mixed = [&d, b, &e, c, &d, a].map(Clone::clone);
    use Published::{Duplicate, Stored};
    for (n, outcome) in publish(&broker, &mixed).await.iter().enumerate() {
        let is_right = match n {
            0 | 2 => matches!(outcome, Stored),
            _ => matches!(outcome, Duplicate),
        };
        assert!(is_right, "message {n}: {outcome:?}");
    }
    for outcome in publish(&f.broker().await, &mixed).await {
        assert!(matches!(outcome, Duplicate), "{outcome:?}");
    }
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(5).await;
    let expected = [a, b, c, &d, &e].map(|message| message.id());
    assert_eq!(received_ids(&got), expected);
    member.ack_all(&got).await;
    let again = publish_one(&broker, b).await;
    assert!(
        matches!(again, Duplicate),
        "acked, and still kept: {again:?}"
    );
    assert_done(&broker, "g").await;
}

/// Single publishes of many tasks are each stored, once, and each is told so.
///
/// Promise 1
pub async fn concurrent_publishes_are_each_stored_once<F: Fixture>(f: F) {
    let broker = f.broker().await;
    frame(&broker, TopicConfig::default()).await;
    let messages = numbered(200);
    let publishers: Vec<_> = messages
        .iter()
        .map(|message| {
            let (broker, message) = (broker.clone(), message.clone());
            tokio::spawn(async move { publish_one(&broker, &message).await })
        })
        .collect();
    for publisher in publishers {
        let outcome = within("a publisher", publisher).await.expect("no panic");
        assert!(matches!(outcome, Published::Stored), "{outcome:?}");
    }
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(200).await;
    let (mut found, mut expected) = (received_ids(&got), ids(&messages));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    member.ack_all(&got).await;
    assert_done(&broker, "g").await;
}

/// Messages of one publish that cannot share a frame are stored beside it, and those of one
/// priority stay in their order.
pub async fn messages_that_cannot_share_keep_their_order<F: Fixture>(f: F) {
    let broker = f.broker().await;
    frame(&broker, TopicConfig::default()).await;
    let high = |payload| build(builder(payload).priority(Priority::High));
    let later = build(builder("later").delay(Duration::from_secs(3600)));
    let now = build(builder("now").delay(Duration::ZERO));
    let all = [
        message("1"),
        message("2"),
        high("first"),
        message("3"),
        later,
        now,
        message("4"),
        high("second"),
    ];
    store(&broker, &all).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(7).await;
    let of = |priority| -> Vec<_> {
        let some = got.iter().filter(|d| d.message.priority() == priority);
        some.map(|d| String::from_utf8_lossy(d.message.payload()).into_owned())
            .collect()
    };
    assert_eq!(of(Priority::Normal), ["1", "2", "3", "now", "4"]);
    assert_eq!(of(Priority::High), ["first", "second"]);
    assert_eq!(received_ids(&got[..1]), [all[2].id()], "by priority");
    member.ack_all(&got).await;
    let topics = broker.topics().await.expect("a list");
    assert_eq!((topics[0].messages, topics[0].scheduled), (8, 1));
}

/// Frames can be given to a topic that holds messages, and taken away again: what is stored stays,
/// and all is delivered in its order.
pub async fn frames_and_single_messages_share_a_topic<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(18);
    let single = TopicConfig::default();
    for (n, part) in messages.chunks(6).enumerate() {
        match n {
            1 => frame(&broker, single.clone()).await,
            _ => {
                let made = broker.create_topic(&topic(), &single).await;
                made.expect("a topic without frames");
            }
        }
        store(&broker, part).await;
    }
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(lag(&broker, "g").await.undelivered, 18);
    let got = member.take(18).await;
    assert_eq!(received_ids(&got), ids(&messages));
    let (odd, even): (Vec<_>, Vec<_>) = got.into_iter().enumerate().partition(|(n, _)| n % 2 == 1);
    for part in [odd, even] {
        let part: Vec<_> = part.into_iter().map(|(_, delivery)| delivery).collect();
        member.ack_all(&part).await;
    }
    assert_done(&broker, "g").await;
}
