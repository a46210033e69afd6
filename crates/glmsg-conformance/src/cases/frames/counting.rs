//! Lag, bounds and members count messages.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Overflow, Published, StartFrom, TopicConfig};

use super::{assert_done, frame, framed};
use crate::Fixture;
use crate::member::{Member, received_ids};
use crate::messages::{
    group, ids, lag, message, numbered, publish, publish_one, replay, replayed_ids, store, topic,
};

async fn messages_of(broker: &Arc<dyn Broker>) -> u64 {
    broker.topics().await.expect("a list")[0].messages
}

/// The lag is exact in messages, whatever part of a frame is in which state.
///
/// Promise 13
pub async fn lag_counts_messages_and_not_frames<F: Fixture>(f: F) {
    let (broker, _) = framed(&f, 30).await;
    let mut member = Member::join(&broker, "g").await;
    let counts = async || {
        let now = lag(&broker, "g").await;
        [
            now.undelivered,
            now.in_flight,
            now.delayed,
            now.dead_letters,
        ]
    };
    assert_eq!(messages_of(&broker).await, 30);
    assert_eq!(counts().await, [30, 0, 0, 0], "published");
    let got = member.take(30).await;
    assert_eq!(counts().await, [0, 30, 0, 0], "received");
    store(&broker, &numbered(20)).await;
    assert_eq!(counts().await, [20, 30, 0, 0], "more published");
    member.ack_all(&got[..9]).await;
    assert_eq!(counts().await, [20, 21, 0, 0], "acked in part");
    let hour = Duration::from_secs(3600);
    member.retry(&got[9], hour, "later").await;
    member.retry(&got[10], hour, "later").await;
    member.reject(&got[11], "bad").await;
    assert_eq!(counts().await, [20, 18, 2, 1], "given back in part");
    assert!(lag(&broker, "g").await.oldest_age.is_some());
    member.ack_all(&got[12..]).await;
    assert_eq!(counts().await, [20, 0, 2, 1], "done, but for the two");
    let rest = member.take(20).await;
    member.ack_all(&rest).await;
    assert_eq!(counts().await, [0, 0, 2, 1], "done, but for the two");
    assert_eq!(messages_of(&broker).await, 50, "kept for replay");
}

/// What a member is said to hold is counted in messages.
pub async fn members_hold_messages_and_not_frames<F: Fixture>(f: F) {
    let (broker, _) = framed(&f, 8).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(8).await;
    member.ack_all(&got[..3]).await;
    let listed = broker.members(&topic(), &group("g")).await.expect("a list");
    assert_eq!(listed[0].pending, 5);
}

/// A topic is full when it holds so many messages, in however many frames, and acks make room.
///
/// Promise 10
pub async fn a_full_topic_counts_messages<F: Fixture>(f: F) {
    let broker = f.broker().await;
    frame(&broker, TopicConfig::default().max_len(100)).await;
    let mut member = Member::join(&broker, "g").await;
    let messages = numbered(103);
    let outcomes = publish(&broker, &messages).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        let is_right = match n {
            0..100 => matches!(outcome, Published::Stored),
            _ => matches!(outcome, Published::Full(_)),
        };
        assert!(is_right, "message {n}: {outcome:?}");
    }
    assert_eq!(messages_of(&broker).await, 100);
    let got = member.take(100).await;
    assert_eq!(received_ids(&got), ids(&messages[..100]));
    let full = publish_one(&broker, &message("too many")).await;
    assert!(matches!(full, Published::Full(_)), "{full:?}");
    member.ack_all(&got).await;
    store(&broker, &messages[100..]).await;
    assert!(messages_of(&broker).await <= 100);
    let got = member.take(3).await;
    assert_eq!(received_ids(&got), ids(&messages[100..]));
    member.ack_all(&got).await;
    assert_done(&broker, "g").await;
}

/// A frame of which one message is not acked stays, whatever the topic has no room for.
///
/// Promise 10
pub async fn an_unfinished_frame_is_not_dropped<F: Fixture>(f: F) {
    let broker = f.broker().await;
    frame(&broker, TopicConfig::default().max_len(100)).await;
    let mut quick = Member::join(&broker, "quick").await;
    let mut slow = Member::join(&broker, "slow").await;
    let messages = numbered(100);
    store(&broker, &messages).await;
    let got = quick.take(100).await;
    quick.ack_all(&got).await;
    let held = slow.take(100).await;
    // All but the first: it alone keeps its frame.
    slow.ack_all(&held[1..]).await;
    let full = publish_one(&broker, &message("too many")).await;
    assert!(matches!(full, Published::Full(_)), "{full:?}");
    assert_eq!(lag(&broker, "slow").await.in_flight, 1);
    slow.ack(&held[0]).await;
    store(&broker, &[message("fits now")]).await;
    assert!(messages_of(&broker).await <= 100);
}

/// Where a topic drops its oldest, the newest are there, each group goes on, and what was out of a
/// dropped frame can still be settled, to whatever avail.
///
/// Promise 10
pub async fn the_oldest_frame_goes_where_chosen<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let config = TopicConfig::default().max_len(100);
    frame(&broker, config.overflow(Overflow::DropOldest)).await;
    let mut member = Member::join(&broker, "g").await;
    let messages = numbered(140);
    store(&broker, &messages[..90]).await;
    let held = member.take(5).await;
    store(&broker, &messages[90..]).await;
    let count = messages_of(&broker).await;
    assert!((60..=100).contains(&count), "{count} are kept");
    let kept = usize::try_from(count).expect("a few");
    if F::capability().replay {
        let stored = replay(&broker, StartFrom::Earliest).await;
        assert_eq!(replayed_ids(&stored), ids(&messages[140 - kept..]));
    }
    for delivery in &held {
        member.try_ack(delivery).await;
    }
    let last = messages[139].id();
    loop {
        let got = member.take(1).await;
        member.try_ack(&got[0]).await;
        if got[0].message.id() == last {
            break;
        }
    }
    assert_done(&broker, "g").await;
}
