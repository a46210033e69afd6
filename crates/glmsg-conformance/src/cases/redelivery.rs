//! What was not settled comes again, to somebody, with its attempts counted.

use std::time::Duration;

use glmsg_broker::Settled;
use glmsg_core::AttemptOutcome;

use crate::member::{Member, past_soon, received_ids};
use crate::messages::{ids, lag, message, numbered, store};
use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! redelivery_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { redelivery ["redelivery.rs"] [
            an_abandoned_delivery_comes_again,
            a_dropped_member_loses_nothing,
            a_nacked_message_comes_again,
            a_released_message_comes_at_once_and_uncounted,
            returned_messages_come_before_new_ones,
            returned_messages_come_by_due_time,
            a_crash_is_an_attempt,
            an_expired_lease_goes_to_one_member,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    redelivery_cases!(__list)
}

/// Deliveries that a member neither acks nor gives back are delivered to another when their lease
/// runs out.
///
/// Promise 2
pub async fn an_abandoned_delivery_comes_again<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(10);
    store(&broker, &messages).await;
    let mut stalled = Member::join_briefly::<F>(&broker, "g").await;
    let held = stalled.take(10).await;
    f.pass(past_soon::<F>()).await;
    let mut other = Member::join(&broker, "g").await;
    let got = other.take(10).await;
    assert_eq!(received_ids(&got), ids(&messages), "all, in their order");
    assert!(
        got.iter().all(|d| d.attempt == 2),
        "the second attempt at each"
    );
    other.ack_all(&got).await;
    drop(held);
}

/// Dropping a member with deliveries in its hands loses none of them.
///
/// Promise 2
pub async fn a_dropped_member_loses_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(10);
    store(&broker, &messages).await;
    let mut leaver = Member::join_briefly::<F>(&broker, "g").await;
    leaver.take(10).await;
    drop(leaver);
    f.pass(past_soon::<F>()).await;
    let mut other = Member::join(&broker, "g").await;
    let got = other.take(10).await;
    assert_eq!(received_ids(&got), ids(&messages));
    other.ack_all(&got).await;
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// A nacked message comes again, as the next attempt, with the reason in its history.
///
/// Promise 5
pub async fn a_nacked_message_comes_again<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("try me")]).await;
    let mut member = Member::join(&broker, "g").await;
    let first = member.next().await;
    let settled = member.retry(&first, Duration::ZERO, "out of ink").await;
    assert!(matches!(settled, Settled::Retried(_)), "{settled:?}");
    let again = member.next().await;
    assert_eq!(again.message, first.message, "the message is unchanged");
    assert_eq!(again.attempt, 2);
    let history = again.history.attempts();
    assert_eq!(history.len(), 1, "one attempt has ended: {history:?}");
    assert_eq!((history[0].number, &*history[0].error), (1, "out of ink"));
    assert_eq!(history[0].outcome, AttemptOutcome::Failed);
    member.ack(&again).await;
}

/// A released message is deliverable at once, and the delivery does not count as an attempt.
///
/// Promise 15
pub async fn a_released_message_comes_at_once_and_uncounted<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(2)).await;
    let mut member = Member::join(&broker, "g").await;
    // More often than the message may be attempted: none of it counts.
    for _ in 0..10 {
        let got = member.take(2).await;
        for delivery in &got {
            assert_eq!(delivery.attempt, 1, "a release is no attempt");
            assert!(delivery.history.is_empty(), "nor is it in the history");
            assert_eq!(member.release(delivery).await, Settled::Released);
        }
    }
    let got = member.take(2).await;
    member.ack_all(&got).await;
}

/// Of one priority, what came back is delivered before what is new.
///
/// Promise 2
pub async fn returned_messages_come_before_new_ones<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(6);
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(2).await;
    member.retry(&got[1], Duration::ZERO, "again").await;
    member.release(&got[0]).await;
    let next = member.take(6).await;
    let mut first_two = received_ids(&next[..2]);
    first_two.sort();
    assert_eq!(first_two, ids(&messages[..2]), "the returned ones first");
    assert_eq!(
        received_ids(&next[2..]),
        ids(&messages[2..]),
        "then the new"
    );
}

/// Returned messages come in the order in which they became due.
///
/// Promise 2
pub async fn returned_messages_come_by_due_time<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(4)).await;
    let mut member = Member::join(&broker, "g").await;
    let mut due = Vec::new();
    for (delivery, delay) in member.take(4).await.iter().zip([1500, 500, 1000, 0]) {
        let delay = Duration::from_millis(delay);
        let Settled::Retried(at) = member.retry(delivery, delay, "later").await else {
            panic!("a first attempt of four is retried");
        };
        due.push((at, delivery.message.id()));
    }
    // On a machine that is busy, too, each is where it waits before it is due.
    f.pass(Duration::from_millis(1500)).await;
    due.sort();
    let expected: Vec<_> = due.into_iter().map(|(_, id)| id).collect();
    assert_eq!(received_ids(&member.take(4).await), expected);
}

/// A delivery that ended with its consumer counts as an attempt, and its history says that the
/// lease ran out.
///
/// Promise 5
pub async fn a_crash_is_an_attempt<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("heavy")]).await;
    for attempt in 1..=3 {
        let mut member = Member::join_briefly::<F>(&broker, "g").await;
        let got = member.next().await;
        assert_eq!(got.attempt, attempt);
        let outcomes: Vec<_> = got.history.attempts().iter().map(|a| a.outcome).collect();
        let expected = vec![AttemptOutcome::LeaseExpired; attempt as usize - 1];
        assert_eq!(outcomes, expected, "the history of attempt {attempt}");
        drop(member);
        f.pass(past_soon::<F>()).await;
    }
}

/// When a lease runs out while several members wait, exactly one of them gets the message.
///
/// Promise 2
pub async fn an_expired_lease_goes_to_one_member<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = message("contended");
    store(&broker, std::slice::from_ref(&sent)).await;
    let mut stalled = Member::join_briefly::<F>(&broker, "g").await;
    let _held = stalled.next().await;
    let (report, mut seen) = tokio::sync::mpsc::unbounded_channel();
    for n in 0..4 {
        let mut member = Member::join(&f.broker().await, "g").await;
        let report = report.clone();
        tokio::spawn(async move {
            while let Ok(some) = member.recv(10).await {
                for got in some {
                    let _ = report.send((n, got.message.id(), got.attempt));
                }
            }
        });
    }
    f.pass(past_soon::<F>()).await;
    let (_, id, attempt) = within("the message at a waiting member", seen.recv())
        .await
        .expect("the members wait");
    assert_eq!((id, attempt), (sent.id(), 2));
    // Whatever else is on its way comes before this.
    let last = message("the last");
    store(&broker, std::slice::from_ref(&last)).await;
    let (n, id, _) = within("the last message", seen.recv())
        .await
        .expect("they wait");
    assert_eq!(id, last.id(), "member {n} got the contended message, too");
}
