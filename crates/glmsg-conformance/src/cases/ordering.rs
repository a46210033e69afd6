//! Order: as stored within a lane, and one after the other for a key where asked for.

use std::time::Duration;

use glmsg_broker::{Broker, Ordering, Settled};
use glmsg_core::{ErrorKind, Message};
use std::sync::Arc;

use crate::member::{Member, options, received_ids};
use crate::messages::{
    build, builder, dead_letters, error_kind, ids, lag, message, numbered, store,
};
use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! ordering_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { ordering ["ordering.rs"] [
            a_lane_keeps_stored_order,
            one_message_of_a_key_at_a_time (PerKeyOrder),
            a_key_waits_for_its_retry (PerKeyOrder),
            a_key_goes_on_behind_a_dead_letter (PerKeyOrder),
            a_key_waits_for_a_released_message (PerKeyOrder),
            other_keys_are_not_held_up (PerKeyOrder),
            two_members_never_hold_one_key (PerKeyOrder),
            what_waits_for_its_key_is_delayed (PerKeyOrder),
            another_ordering_is_a_conflict (PerKeyOrder),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    ordering_cases!(__list)
}

fn keyed(key: &str, n: usize) -> Vec<Message> {
    (0..n)
        .map(|i| build(builder(&format!("{key}{i}")).key(key)))
        .collect()
}

async fn join_ordered(broker: &Arc<dyn Broker>) -> Member {
    Member::join_with(broker, &options("g").ordering(Ordering::PerKey)).await
}

/// Messages of one priority are first delivered in the order they were stored in, over several
/// publishes.
///
/// Promise 9
pub async fn a_lane_keeps_stored_order<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(60);
    for part in messages.chunks(7) {
        store(&broker, part).await;
    }
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(received_ids(&member.take(60).await), ids(&messages));
}

/// The next message of a key is delivered only when the one before is acked.
///
/// Promise 9
pub async fn one_message_of_a_key_at_a_time<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = keyed("k", 5);
    store(&broker, &messages).await;
    let mut member = join_ordered(&broker).await;
    for sent in &messages {
        let got = member.next().await;
        assert_eq!(got.message.id(), sent.id(), "the key's order");
        member.expect_nothing(&broker).await;
        member.ack(&got).await;
    }
}

/// A retried message holds up its key until it is done: order holds across retries.
///
/// Promise 9
pub async fn a_key_waits_for_its_retry<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = keyed("k", 2);
    store(&broker, &messages).await;
    let mut member = join_ordered(&broker).await;
    let first = member.next().await;
    member
        .retry(&first, Duration::from_secs(3600), "not now")
        .await;
    member.expect_nothing(&broker).await;
    // The same with a retry at once: it comes before its successor.
    let other = keyed("other", 2);
    store(&broker, &other).await;
    let first = member.next().await;
    member.retry(&first, Duration::ZERO, "again").await;
    let again = member.next().await;
    assert_eq!(
        (again.message.id(), again.attempt),
        (other[0].id(), 2),
        "the retry comes before the next of its key"
    );
    member.ack(&again).await;
    assert_eq!(member.next().await.message.id(), other[1].id());
}

/// A dead letter no longer holds up its key.
///
/// Promise 9
pub async fn a_key_goes_on_behind_a_dead_letter<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = keyed("k", 2);
    store(&broker, &messages).await;
    let mut member = join_ordered(&broker).await;
    let first = member.next().await;
    member.reject(&first, "bad").await;
    assert_eq!(member.next().await.message.id(), messages[1].id());
    assert_eq!(dead_letters(&broker, "g").await.len(), 1);
}

/// A released message comes again before the next of its key.
///
/// Promise 9
pub async fn a_key_waits_for_a_released_message<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = keyed("k", 2);
    store(&broker, &messages).await;
    let mut member = join_ordered(&broker).await;
    let first = member.next().await;
    assert_eq!(member.release(&first).await, Settled::Released);
    let again = member.next().await;
    assert_eq!(
        (again.message.id(), again.attempt),
        (messages[0].id(), 1),
        "released first of its key"
    );
    member.expect_nothing(&broker).await;
}

/// A key that is held up holds up no other, and no message without a key.
///
/// Promise 9
pub async fn other_keys_are_not_held_up<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let (a, b) = (keyed("a", 3), keyed("b", 2));
    let free = [message("free"), message("also free")];
    store(&broker, &[&a[..], &b[..], &free[..]].concat()).await;
    let mut member = join_ordered(&broker).await;
    let got = member.take(4).await;
    let expected = [a[0].id(), b[0].id(), free[0].id(), free[1].id()];
    assert_eq!(
        received_ids(&got),
        expected,
        "the first of each key, and all without"
    );
    member.expect_nothing(&broker).await;
    member.ack(&got[1]).await;
    assert_eq!(member.next().await.message.id(), b[1].id());
}

/// Two members at work on the same keys never hold two messages of one key, and each key's
/// messages are finished in order.
///
/// Promise 9
pub async fn two_members_never_hold_one_key<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let keys = ["a", "b", "c"].map(|key| keyed(key, 20));
    let interleaved: Vec<Message> = (0..60).map(|n| keys[n % 3][n / 3].clone()).collect();
    store(&broker, &interleaved).await;
    let (report, mut finished) = tokio::sync::mpsc::unbounded_channel();
    let mut members = Vec::new();
    for _ in 0..2 {
        let mut member = join_ordered(&f.broker().await).await;
        let report = report.clone();
        members.push(tokio::spawn(async move {
            loop {
                for got in member.recv(2).await.expect("receiving works") {
                    // Reported before the ack, so nothing behind it can be reported earlier.
                    let key = got.message.key().expect("all have a key").to_owned();
                    let _ = report.send((key, got.message.id(), got.attempt));
                    member.ack(&got).await;
                }
            }
        }));
    }
    let mut seen: Vec<(String, _)> = Vec::new();
    for n in 0..60 {
        let next = within(&format!("message {n} of 60"), finished.recv()).await;
        let (key, id, attempt) = next.expect("the members run");
        assert_eq!(attempt, 1);
        seen.push((key, id));
    }
    for member in members {
        member.abort();
    }
    for (name, sent) in ["a", "b", "c"].into_iter().zip(&keys) {
        let order: Vec<_> = seen
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, id)| *id)
            .collect();
        assert_eq!(order, ids(sent), "the order of key {name}");
    }
}

/// Messages held back by their key count as delayed, the first as undelivered.
///
/// Promise 13
pub async fn what_waits_for_its_key_is_delayed<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &keyed("k", 4)).await;
    let mut member = join_ordered(&broker).await;
    let got = member.next().await;
    let now = lag(&broker, "g").await;
    assert_eq!(
        (now.in_flight, now.total()),
        (1, 4),
        "one in flight, three behind it"
    );
    assert_eq!(now.delayed, 3, "three wait for their key's turn");
    member.ack(&got).await;
    let now = lag(&broker, "g").await;
    assert_eq!((now.in_flight, now.total()), (0, 3));
}

/// Joining a group with another ordering than its own is refused, and harms nobody.
pub async fn another_ordering_is_a_conflict<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut member = join_ordered(&broker).await;
    let plain = broker.open_source(&options("g")).await;
    assert_eq!(error_kind("another ordering", plain), ErrorKind::Conflict);
    member.expect_nothing(&broker).await;
}
