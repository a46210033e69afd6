//! What survives a crash.

use std::time::Duration;

use glmsg_broker::{DeadLetterSelector, Ordering, Published, StartFrom, TopicConfig};
use glmsg_core::{AttemptOutcome, ErrorKind};

use crate::Fixture;
use crate::member::{Member, options, past_soon, received_ids};
use crate::messages::{
    build, builder, dead_letters, error_kind, ids, lag, message, numbered, only_dead_letter,
    publish, redrive, replay, replayed_ids, store, topic,
};

/// What was reported stored is there after a crash, in order.
///
/// Promise 1
pub async fn stored_messages_survive_a_crash<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(100);
    store(&broker, &messages).await;
    drop(broker);
    let broker = f.reopen().await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(100).await;
    assert_eq!(received_ids(&got), ids(&messages));
    assert!(
        got.iter()
            .zip(&messages)
            .all(|(d, sent)| d.message == *sent)
    );
}

/// What was acked before a crash does not come again after it.
///
/// Promise 1
pub async fn acks_survive_a_crash<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(10);
    store(&broker, &messages).await;
    let mut member = Member::join_briefly::<F>(&broker, "g").await;
    let got = member.take(10).await;
    member.ack_all(&got[..6]).await;
    drop((member, broker));
    let broker = f.reopen().await;
    f.pass(past_soon::<F>()).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(4).await;
    assert_eq!(received_ids(&got), ids(&messages[6..]));
    member.ack_all(&got).await;
    member.expect_nothing(&broker).await;
}

/// What was delivered and not settled before a crash is delivered again after it.
///
/// Promise 2
pub async fn unsettled_messages_survive_a_crash<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(10);
    store(&broker, &messages).await;
    let mut member = Member::join_briefly::<F>(&broker, "g").await;
    let _held = member.take(10).await;
    drop((member, broker));
    let broker = f.reopen().await;
    assert_eq!(lag(&broker, "g").await.in_flight, 10, "still leased");
    f.pass(past_soon::<F>()).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(10).await;
    assert_eq!(received_ids(&got), ids(&messages));
    assert!(got.iter().all(|d| d.attempt == 2));
}

/// A retry that waits for its delay survives a crash, delay and history included.
///
/// Promise 6
pub async fn a_delayed_retry_survives_a_crash<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(2)).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(2).await;
    let (soon, late) = (5 * F::soon(), Duration::from_secs(3600));
    member.retry(&got[0], soon, "soon").await;
    member.retry(&got[1], late, "late").await;
    drop((member, broker));
    let broker = f.reopen().await;
    assert_eq!(lag(&broker, "g").await.delayed, 2);
    f.pass(soon).await;
    let mut member = Member::join(&broker, "g").await;
    let again = member.next().await;
    assert_eq!(again.message.id(), got[0].message.id());
    assert_eq!(again.attempt, 2);
    assert_eq!(&*again.history.last().expect("one attempt").error, "soon");
    member.expect_nothing(&broker).await;
    assert_eq!(lag(&broker, "g").await.delayed, 1, "the late one waits on");
}

/// A scheduled message survives a crash, and its schedule with it.
///
/// Promise 6
pub async fn a_scheduled_message_survives_a_crash<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let delay = 5 * F::soon();
    let soon = build(builder("soon").delay(delay));
    let late = build(builder("late").delay(Duration::from_secs(3600)));
    store(&broker, &[late.clone(), soon.clone()]).await;
    drop(broker);
    let broker = f.reopen().await;
    let mut member = Member::join(&broker, "g").await;
    f.pass(delay).await;
    assert_eq!(member.next().await.message, soon);
    member.expect_nothing(&broker).await;
    let topics = broker.topics().await.expect("a list");
    assert_eq!(topics[0].scheduled, 1, "the late one waits on");
}

/// A message that crashes everything each time is delivered as often as it allows, across the
/// crashes, and then is a dead letter.
///
/// Promise 5
pub async fn attempts_survive_a_crash<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[build(builder("poison").max_retries(2))]).await;
    drop(broker);
    for attempt in 1..=3 {
        let broker = f.reopen().await;
        let mut member = Member::join_briefly::<F>(&broker, "g").await;
        let got = member.next().await;
        assert_eq!(got.attempt, attempt, "counted across crashes");
        drop((member, broker));
        f.pass(past_soon::<F>()).await;
    }
    let broker = f.reopen().await;
    let mut member = Member::join(&broker, "g").await;
    member.expect_nothing(&broker).await;
    let dead = only_dead_letter(&broker, "g").await;
    let outcomes: Vec<_> = dead.history.attempts().iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::LeaseExpired; 3]);
}

/// Dead letters survive a crash whole, and can be redriven after it.
///
/// Promise 7
pub async fn dead_letters_survive_a_crash<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(3)).await;
    let mut member = Member::join(&broker, "g").await;
    for got in member.take(3).await {
        member.reject(&got, "bad").await;
    }
    let before = dead_letters(&broker, "g").await;
    drop((member, broker));
    let broker = f.reopen().await;
    assert_eq!(dead_letters(&broker, "g").await, before);
    assert_eq!(redrive(&broker, "g", &DeadLetterSelector::All).await, 3);
    drop(broker);
    let broker = f.reopen().await;
    assert_eq!(dead_letters(&broker, "g").await, []);
    let mut member = Member::join(&broker, "g").await;
    assert!(member.take(3).await.iter().all(|d| d.attempt == 1));
}

/// The bounds of a topic, and the start and order of a group, survive a crash.
pub async fn topics_and_groups_survive_a_crash<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let config = TopicConfig::default().max_len(7);
    let created = broker.create_topic(&topic(), &config).await;
    created.expect("a topic with bounds");
    store(&broker, &[message("before the start")]).await;
    let ordered = options("g")
        .ordering(Ordering::PerKey)
        .start(StartFrom::Latest);
    let member = Member::join_with(&broker, &ordered).await;
    drop((member, broker));
    let broker = f.reopen().await;
    let topics = broker.topics().await.expect("a list");
    assert_eq!(topics[0].config, config);
    let groups = broker.groups(&topic()).await.expect("a list");
    assert_eq!(groups[0].ordering, Ordering::PerKey);
    assert_eq!(lag(&broker, "g").await.total(), 0, "it started at the end");
    let plain = broker.open_source(&options("g")).await;
    assert_eq!(error_kind("another order", plain), ErrorKind::Conflict);
}

/// A publish repeated after a crash stores nothing twice.
///
/// Promise 11
pub async fn duplicates_are_known_after_a_crash<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(5);
    store(&broker, &messages).await;
    drop(broker);
    let broker = f.reopen().await;
    for outcome in publish(&broker, &messages).await {
        assert!(matches!(outcome, Published::Duplicate), "{outcome:?}");
    }
}

/// A position kept by a reader is good after a crash.
///
/// Promise 12
pub async fn positions_survive_a_crash<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(6);
    store(&broker, &messages).await;
    let position = replay(&broker, StartFrom::Earliest).await[2]
        .position
        .clone();
    drop(broker);
    let broker = f.reopen().await;
    let rest = replay(&broker, StartFrom::After(position)).await;
    assert_eq!(replayed_ids(&rest), ids(&messages[3..]));
}
