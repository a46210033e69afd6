//! Idempotent publish: a message published again is stored once.

use std::time::Duration;

use glmsg_broker::Published;
use glmsg_core::MessageId;

use crate::member::{Member, received_ids};
use crate::messages::{
    build, builder, ids, lag, message, named_topic, numbered, publish, publish_one, store,
};
use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! idempotence_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { idempotence ["idempotence.rs"] [
            a_second_publish_stores_nothing (IdempotentPublish),
            a_batch_may_hold_a_message_twice (IdempotentPublish),
            of_concurrent_publishes_one_is_stored (IdempotentPublish),
            a_duplicate_of_an_acked_message_is_still_one (IdempotentPublish),
            a_duplicate_of_a_scheduled_message_is_one (IdempotentPublish Scheduling),
            a_duplicate_changes_nothing (IdempotentPublish),
            each_topic_has_its_own_ids (IdempotentPublish),
            a_foreign_id_is_kept (IdempotentPublish),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    idempotence_cases!(__list)
}

/// Publishing the same batch again, as after a lost reply, stores nothing twice and says so.
///
/// Promise 11
pub async fn a_second_publish_stores_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(10);
    store(&broker, &messages[..6]).await;
    let outcomes = publish(&f.broker().await, &messages).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        match (n, outcome) {
            (0..=5, Published::Duplicate) | (6.., Published::Stored) => {}
            _ => panic!("message {n}: the first six were stored before, but got {outcome:?}"),
        }
    }
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(10).await;
    assert_eq!(received_ids(&got), ids(&messages));
    member.ack_all(&got).await;
    member.expect_nothing(&broker).await;
}

/// A message that stands in a batch twice is stored once.
///
/// Promise 11
pub async fn a_batch_may_hold_a_message_twice<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let (a, b) = (message("a"), message("b"));
    let outcomes = publish(&broker, &[a.clone(), b.clone(), a.clone()]).await;
    use Published::{Duplicate, Stored};
    assert!(
        matches!(outcomes[..], [Stored, Stored, Duplicate]),
        "{outcomes:?}"
    );
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(received_ids(&member.take(2).await), [a.id(), b.id()]);
    assert_eq!(lag(&broker, "g").await.total(), 2);
}

/// When several publish the same message at once, it is stored for one and a duplicate for all
/// others.
///
/// Promise 11
pub async fn of_concurrent_publishes_one_is_stored<F: Fixture>(f: F) {
    let broker = f.broker().await;
    for round in 0..10 {
        let sent = message(&format!("round {round}"));
        let mut publishers = Vec::new();
        for _ in 0..4 {
            let (broker, sent) = (f.broker().await, sent.clone());
            publishers.push(tokio::spawn(
                async move { publish_one(&broker, &sent).await },
            ));
        }
        let mut stored = 0;
        for publisher in publishers {
            match within("a publisher", publisher).await.expect("no panic") {
                Published::Stored => stored += 1,
                Published::Duplicate => {}
                other => panic!("expected stored or duplicate, got {other:?}"),
            }
        }
        assert_eq!(stored, 1, "of four publishes of one message");
    }
    let mut member = Member::join(&broker, "g").await;
    member.take(10).await;
    assert_eq!(lag(&broker, "g").await.total(), 10);
}

/// A message is known as long as its topic holds it, also after it was acked or given up.
///
/// Promise 11
pub async fn a_duplicate_of_an_acked_message_is_still_one<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(2);
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(2).await;
    member.ack(&got[0]).await;
    member.reject(&got[1], "bad").await;
    for outcome in publish(&broker, &messages).await {
        assert!(matches!(outcome, Published::Duplicate), "{outcome:?}");
    }
    member.expect_nothing(&broker).await;
}

/// A scheduled message that is published again is scheduled once.
///
/// Promise 11
pub async fn a_duplicate_of_a_scheduled_message_is_one<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let later = build(builder("later").delay(Duration::from_secs(3600)));
    store(&broker, std::slice::from_ref(&later)).await;
    let again = publish_one(&broker, &later).await;
    assert!(matches!(again, Published::Duplicate), "{again:?}");
    let topics = broker.topics().await.expect("a list");
    assert_eq!((topics[0].messages, topics[0].scheduled), (1, 1));
}

/// A duplicate changes nothing of what is stored, even if it differs in everything but the id.
///
/// Promise 11
pub async fn a_duplicate_changes_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let first = message("first");
    let second = build(first.to_builder().payload("second").max_retries(0));
    store(&broker, std::slice::from_ref(&first)).await;
    let outcome = publish_one(&broker, &second).await;
    assert!(matches!(outcome, Published::Duplicate), "{outcome:?}");
    let got = Member::join(&broker, "g").await.next().await;
    assert_eq!(got.message, first);
}

/// The same id in two topics is two messages.
pub async fn each_topic_has_its_own_ids<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let here = message("here");
    let there = build(here.to_builder().topic(named_topic("elsewhere")));
    store(&broker, &[here, there]).await;
    assert_eq!(broker.topics().await.expect("a list").len(), 2);
}

/// An id that is no UUIDv7 is as good as any: all zeros, all ones, or derived from an input.
pub async fn a_foreign_id_is_kept<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let foreign = [[0; 16], [0xff; 16], *b"flight-0000000-1"];
    let messages = foreign.map(|bytes| build(builder("x").id(MessageId::from_bytes(bytes))));
    store(&broker, &messages).await;
    let again = publish(&broker, &messages).await;
    assert!(again.iter().all(|o| matches!(o, Published::Duplicate)));
    let got = Member::join(&broker, "g").await.take(3).await;
    assert_eq!(
        received_ids(&got),
        ids(&messages),
        "stored order, not id order"
    );
}
