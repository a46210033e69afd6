//! Retention: what may be dropped is dropped, and nothing else ever is.

use std::time::Duration;

use glmsg_broker::{Overflow, Published, StartFrom, TopicConfig};
use glmsg_core::{ErrorKind, MessageId};
use std::sync::Arc;

use glmsg_broker::Broker;

use crate::member::{Member, past_soon, received_ids};
use crate::messages::{
    build, builder, error_kind, group, ids, lag, message, numbered, publish, publish_one, store,
    topic,
};
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! retention_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { retention ["retention.rs"] [
            a_full_topic_refuses_and_loses_nothing (Retention),
            acks_make_room (Retention),
            the_slowest_group_decides (Retention),
            dead_letters_do_not_fill_a_topic (Retention),
            a_topic_without_groups_keeps_everything (Retention),
            scheduled_messages_count (Retention Scheduling),
            a_batch_fills_a_topic_to_the_brim (Retention),
            the_oldest_goes_where_chosen (Retention),
            old_acked_messages_are_dropped (Retention),
            old_messages_that_are_not_acked_stay (Retention),
            bounds_can_be_changed (Retention),
            impossible_bounds_are_refused (Retention),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    retention_cases!(__list)
}

async fn bounded(broker: &Arc<dyn Broker>, config: &TopicConfig) {
    let created = broker.create_topic(&topic(), config).await;
    created.expect("a topic with these bounds");
}

async fn assert_full(broker: &Arc<dyn Broker>, what: &str) {
    let outcome = publish_one(broker, &message("one too many")).await;
    let Published::Full(error) = outcome else {
        panic!("{what}: expected `Full`, got {outcome:?}");
    };
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(error.is_transient(), "trying later can help");
}

async fn count(broker: &Arc<dyn Broker>) -> u64 {
    let topics = broker.topics().await.expect("a list");
    topics[0].messages
}

/// A topic full of messages that a group has not acked refuses more, and loses none it has.
///
/// Promise 10
pub async fn a_full_topic_refuses_and_loses_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    bounded(&broker, &TopicConfig::default().max_len(5)).await;
    let mut member = Member::join(&broker, "g").await;
    let messages = numbered(5);
    store(&broker, &messages).await;
    assert_full(&broker, "the sixth of five").await;
    let got = member.take(5).await;
    assert_eq!(received_ids(&got), ids(&messages), "nothing was dropped");
    assert_full(&broker, "delivered is not acked").await;
    assert_eq!(count(&broker).await, 5);
}

/// What every group has acked makes room for what is published, and is kept as long as there is.
///
/// Promise 10
pub async fn acks_make_room<F: Fixture>(f: F) {
    let broker = f.broker().await;
    bounded(&broker, &TopicConfig::default().max_len(5)).await;
    let mut member = Member::join(&broker, "g").await;
    let messages = numbered(5);
    store(&broker, &messages).await;
    let got = member.take(5).await;
    member.ack_all(&got[..2]).await;
    assert_eq!(count(&broker).await, 5, "acked ones are kept for replay");
    let new = numbered(2);
    store(&broker, &new).await;
    assert_full(&broker, "room for two and no more").await;
    assert_eq!(received_ids(&member.take(2).await), ids(&new));
    member.ack_all(&got[2..]).await;
}

/// As long as one group has not acked a message, it is kept, however far the others are.
///
/// Promise 10
pub async fn the_slowest_group_decides<F: Fixture>(f: F) {
    let broker = f.broker().await;
    bounded(&broker, &TopicConfig::default().max_len(5)).await;
    let mut slow = Member::join(&broker, "slow").await;
    let mut quick = Member::join(&broker, "quick").await;
    let messages = numbered(5);
    store(&broker, &messages).await;
    let got = quick.take(5).await;
    quick.ack_all(&got).await;
    assert_full(&broker, "the slow group has acked nothing").await;
    let got = slow.take(5).await;
    assert_eq!(received_ids(&got), ids(&messages));
    slow.ack_all(&got[..1]).await;
    store(&broker, &[message("fits")]).await;
    assert_full(&broker, "one was acked by both").await;
}

/// A message that a group has given up on does not fill its topic.
///
/// Promise 10
pub async fn dead_letters_do_not_fill_a_topic<F: Fixture>(f: F) {
    let broker = f.broker().await;
    bounded(&broker, &TopicConfig::default().max_len(3)).await;
    let mut member = Member::join(&broker, "g").await;
    store(&broker, &numbered(3)).await;
    for got in member.take(3).await {
        member.reject(&got, "bad").await;
    }
    let new = numbered(3);
    store(&broker, &new).await;
    assert_eq!(received_ids(&member.take(3).await), ids(&new));
    let dead = crate::messages::dead_letters(&broker, "g").await;
    assert_eq!(dead.len(), 3, "they are kept as dead letters");
    assert!(dead.iter().all(|d| d.message().is_some()), "and whole");
}

/// A topic that no group reads drops nothing: somebody may come for it.
///
/// Promise 10
pub async fn a_topic_without_groups_keeps_everything<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let config = TopicConfig::default().max_len(3).max_age(F::soon());
    bounded(&broker, &config).await;
    let messages = numbered(3);
    store(&broker, &messages).await;
    f.pass(past_soon::<F>()).await;
    assert_full(&broker, "nobody has acked anything").await;
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(received_ids(&member.take(3).await), ids(&messages));
}

/// Scheduled messages count, so they cannot fill a store without bounds.
///
/// Promise 10
pub async fn scheduled_messages_count<F: Fixture>(f: F) {
    let broker = f.broker().await;
    bounded(&broker, &TopicConfig::default().max_len(3)).await;
    let later: Vec<_> = (0..3)
        .map(|n| build(builder(&n.to_string()).delay(Duration::from_secs(3600))))
        .collect();
    store(&broker, &later).await;
    assert_full(&broker, "three are scheduled").await;
    let topics = broker.topics().await.expect("a list");
    assert_eq!((topics[0].messages, topics[0].scheduled), (3, 3));
}

/// Of a batch that does not fit as a whole, the first part is stored and the rest refused.
///
/// Promise 10
pub async fn a_batch_fills_a_topic_to_the_brim<F: Fixture>(f: F) {
    let broker = f.broker().await;
    bounded(&broker, &TopicConfig::default().max_len(3)).await;
    let mut member = Member::join(&broker, "g").await;
    let messages = numbered(5);
    let outcomes = publish(&broker, &messages).await;
    use Published::{Full, Stored};
    assert!(
        matches!(outcomes[..], [Stored, Stored, Stored, Full(_), Full(_)]),
        "three of five fit: {outcomes:?}"
    );
    let got = member.take(3).await;
    assert_eq!(received_ids(&got), ids(&messages[..3]));
    member.ack_all(&got).await;
    // What was refused can be published again.
    store(&broker, &messages[3..]).await;
    assert_eq!(received_ids(&member.take(2).await), ids(&messages[3..]));
}

/// With `DropOldest` a full topic takes every message, and the oldest goes.
///
/// Promise 10
pub async fn the_oldest_goes_where_chosen<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let config = TopicConfig::default()
        .max_len(3)
        .overflow(Overflow::DropOldest);
    bounded(&broker, &config).await;
    let mut member = Member::join(&broker, "g").await;
    let messages = numbered(8);
    store(&broker, &messages).await;
    assert_eq!(received_ids(&member.take(3).await), ids(&messages[5..]));
    assert_eq!(lag(&broker, "g").await.total(), 3);
    assert_eq!(count(&broker).await, 3);
}

/// Acked messages are dropped when they are older than the topic keeps them.
///
/// Promise 10
pub async fn old_acked_messages_are_dropped<F: Fixture>(f: F) {
    let broker = f.broker().await;
    bounded(&broker, &TopicConfig::default().max_age(F::soon())).await;
    let mut member = Member::join(&broker, "g").await;
    let messages = numbered(4);
    store(&broker, &messages).await;
    let got = member.take(4).await;
    member.ack_all(&got).await;
    f.pass(past_soon::<F>()).await;
    let new = message("new");
    store(&broker, std::slice::from_ref(&new)).await;
    assert_eq!(member.next().await.message.id(), new.id());
    crate::patience::until("the old acked messages to be dropped", || async {
        count(&broker).await == 1
    })
    .await;
    if F::capability().replay {
        let left = crate::messages::replay(&broker, StartFrom::Earliest).await;
        assert_eq!(crate::messages::replayed_ids(&left), [new.id()]);
    }
}

/// A message of any age stays until every group has acked it.
///
/// Promise 10
pub async fn old_messages_that_are_not_acked_stay<F: Fixture>(f: F) {
    let broker = f.broker().await;
    bounded(&broker, &TopicConfig::default().max_age(F::soon())).await;
    let mut quick = Member::join(&broker, "quick").await;
    let mut slow = Member::join(&broker, "slow").await;
    let messages = numbered(4);
    store(&broker, &messages).await;
    let got = quick.take(4).await;
    quick.ack_all(&got).await;
    f.pass(past_soon::<F>()).await;
    store(&broker, &[message("new")]).await;
    let got: Vec<MessageId> = received_ids(&slow.take(5).await);
    assert_eq!(got[..4], ids(&messages));
}

/// The bounds of a topic can be changed while it is in use.
pub async fn bounds_can_be_changed<F: Fixture>(f: F) {
    let broker = f.broker().await;
    bounded(&broker, &TopicConfig::default().max_len(2)).await;
    let mut member = Member::join(&broker, "g").await;
    let messages = numbered(4);
    store(&broker, &messages[..2]).await;
    assert_full(&broker, "two of two").await;
    let wider = TopicConfig::default().max_len(4).max_age(F::soon());
    bounded(&broker, &wider).await;
    store(&broker, &messages[2..]).await;
    assert_full(&broker, "four of four").await;
    let listed = broker.topics().await.expect("a list");
    assert_eq!((listed[0].groups, &listed[0].config), (1, &wider));
    assert_eq!(received_ids(&member.take(4).await), ids(&messages));
    let groups = broker.groups(&topic()).await.expect("a list");
    assert_eq!(groups[0].name, group("g"), "the group is still there");
}

/// Bounds that make no sense are refused, and the topic is not created.
pub async fn impossible_bounds_are_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    for max_len in [0, (1 << 32) + 1] {
        let config = TopicConfig::default().max_len(max_len);
        let kind = error_kind("it", broker.create_topic(&topic(), &config).await);
        assert_eq!(kind, ErrorKind::ConfigInvalid, "max_len {max_len}");
    }
    assert_eq!(broker.topics().await.expect("a list"), []);
}
