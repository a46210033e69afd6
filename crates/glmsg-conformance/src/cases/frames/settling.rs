//! Each message of a frame is settled on its own.

use std::time::Duration;

use glmsg_broker::{DeadLetterSelector, Settled, TopicConfig};
use glmsg_core::{AttemptOutcome, DeadLetterReason};

use super::{assert_done, frame, framed};
use crate::Fixture;
use crate::member::{Member, past_soon, received_ids};
use crate::messages::{
    build, builder, dead_letters, ids, lag, message, numbered, only_dead_letter, redrive, store,
};

/// One message of a frame is acked, one tried again, one refused, one given back, one kept, and
/// nothing of that touches another.
///
/// Promise 2
pub async fn each_message_has_its_own_settlement<F: Fixture>(f: F) {
    let (broker, messages) = framed(&f, 7).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(7).await;
    member.ack(&got[0]).await;
    let hour = Duration::from_secs(3600);
    let settled = member.retry(&got[1], hour, "much later").await;
    assert!(matches!(settled, Settled::Retried(_)), "{settled:?}");
    member.reject(&got[2], "bad").await;
    assert_eq!(member.release(&got[3]).await, Settled::Released);
    member.retry(&got[4], Duration::ZERO, "again").await;
    let now = lag(&broker, "g").await;
    let counts = [
        now.undelivered,
        now.in_flight,
        now.delayed,
        now.dead_letters,
    ];
    assert_eq!(counts, [0, 2, 3, 1], "{now:?}");
    let next = member.take(2).await;
    let expected = [messages[3].id(), messages[4].id()];
    assert_eq!(received_ids(&next), expected, "what is due, in that order");
    assert_eq!((next[0].attempt, next[0].history.len()), (1, 0));
    assert_eq!((next[1].attempt, next[1].history.len()), (2, 1));
    assert_eq!(next[1].message, messages[4], "the message is unchanged");
    assert_eq!(only_dead_letter(&broker, "g").await.id, messages[2].id());
    member.ack_all(&[next, got[5..].to_vec()].concat()).await;
    assert_eq!(lag(&broker, "g").await.pending(), 1, "the one for later");
}

/// Acks of a frame's messages may come one by one or many at a time, in any order and from several
/// tasks at once.
pub async fn acks_of_a_frame_come_in_any_order<F: Fixture>(f: F) {
    let (broker, _) = framed(&f, 60).await;
    let mut member = Member::join(&broker, "g").await;
    let mut got = member.take(60).await;
    got.reverse();
    member.ack_all(&got[..7]).await;
    assert_eq!(lag(&broker, "g").await.in_flight, 53);
    let acks: Vec<_> = got[7..40]
        .chunks(4)
        .map(|some| tokio::spawn(member.ack_all(some)))
        .collect();
    for ack in acks {
        ack.await.expect("no panic");
    }
    assert_eq!(lag(&broker, "g").await.in_flight, 20);
    let (odd, even): (Vec<_>, Vec<_>) = got.drain(40..).enumerate().partition(|(n, _)| n % 2 == 1);
    for part in [even, odd] {
        let part: Vec<_> = part.into_iter().map(|(_, delivery)| delivery).collect();
        member.ack_all(&part).await;
    }
    assert_done(&broker, "g").await;
}

/// What settled a message of a frame first stands; its neighbours can still be settled.
///
/// Promise 3
pub async fn a_second_settlement_of_a_part_is_stale<F: Fixture>(f: F) {
    let (broker, _) = framed(&f, 6).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(6).await;
    let hour = Duration::from_secs(3600);
    member.ack(&got[0]).await;
    member.retry(&got[1], hour, "later").await;
    member.reject(&got[2], "bad").await;
    member.release(&got[3]).await;
    for delivery in &got[..4] {
        let outcomes = [
            member.try_ack(delivery).await,
            member.retry(delivery, Duration::ZERO, "again").await,
            member.release(delivery).await,
            member.extend(delivery, F::soon()).await,
        ];
        assert_eq!(outcomes, [Settled::Stale; 4]);
    }
    member.ack_all(&got[4..]).await;
    let now = lag(&broker, "g").await;
    assert_eq!((now.in_flight, now.delayed, now.dead_letters), (0, 2, 1));
}

/// Each message of a frame is tried as often as it allows, with a history of its own.
///
/// Promise 5
pub async fn each_message_has_its_own_retries<F: Fixture>(f: F) {
    let broker = f.broker().await;
    frame(&broker, TopicConfig::default()).await;
    let messages: Vec<_> = (0..4)
        .map(|retries| build(builder("work").max_retries(retries)))
        .collect();
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    for attempt in 1..=4_u32 {
        let left = &messages[attempt as usize - 1..];
        let got = member.take(left.len()).await;
        assert_eq!(received_ids(&got), ids(left), "attempt {attempt}");
        for (n, delivery) in got.iter().enumerate() {
            assert_eq!(delivery.attempt, attempt);
            assert_eq!(delivery.history.len(), attempt as usize - 1);
            let settled = member.retry(delivery, Duration::ZERO, "no luck").await;
            match (n, settled) {
                (0, Settled::DeadLettered(DeadLetterReason::MaxRetries)) => {}
                (1.., Settled::Retried(_)) => {}
                _ => panic!("message {n} of attempt {attempt}: {settled:?}"),
            }
        }
    }
    let letters = dead_letters(&broker, "g").await;
    for (letter, (n, message)) in letters.iter().zip((1..).zip(&messages)) {
        assert_eq!((letter.id, letter.attempts), (message.id(), n));
        let outcomes = letter.history.attempts().iter().map(|a| a.outcome);
        let expected = vec![AttemptOutcome::Failed; n as usize];
        assert_eq!(outcomes.collect::<Vec<_>>(), expected);
    }
    assert_eq!(letters.len(), 4);
    assert_done(&broker, "g").await;
}

/// Of a frame, exactly those messages expire whose time is over, each as one dead letter.
///
/// Promise 5
pub async fn each_message_has_its_own_time_to_live<F: Fixture>(f: F) {
    let broker = f.broker().await;
    frame(&broker, TopicConfig::default()).await;
    let mut messages = numbered(6);
    for n in [1, 2, 5] {
        messages[n] = build(builder("mortal").ttl(F::soon()));
    }
    messages[3] = build(builder("long-lived").ttl(Duration::from_secs(3600)));
    store(&broker, &messages).await;
    f.pass(past_soon::<F>()).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(3).await;
    let expected = [0, 3, 4].map(|n: usize| messages[n].id());
    assert_eq!(received_ids(&got), expected);
    let letters = dead_letters(&broker, "g").await;
    let found: Vec<_> = letters
        .iter()
        .map(|l| (l.id, l.reason, l.attempts))
        .collect();
    let expired = |n: usize| (messages[n].id(), DeadLetterReason::Expired, 0);
    assert_eq!(found, [1, 2, 5].map(expired));
    assert_eq!(member.intake.expired, 3);
    member.ack_all(&got).await;
    assert_done(&broker, "g").await;
}

/// A message whose time ends while it waits behind others of its frame is not handed out.
///
/// Promise 5
pub async fn a_message_may_expire_while_its_frame_waits<F: Fixture>(f: F) {
    let broker = f.broker().await;
    frame(&broker, TopicConfig::default()).await;
    // Long enough to be received at once, also on a slow machine; if not, it expires even sooner.
    let mortal = build(builder("mortal").ttl(Duration::from_secs(1)));
    let messages = [message("first"), mortal, message("last")];
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    let first = member.take(1).await;
    f.pass(Duration::from_millis(1100)).await;
    let last = member.take(1).await;
    assert_eq!(received_ids(&last), [messages[2].id()]);
    let letter = only_dead_letter(&broker, "g").await;
    assert_eq!(letter.id, messages[1].id());
    assert_eq!(letter.reason, DeadLetterReason::Expired);
    member.ack_all(&[first, last].concat()).await;
    assert_done(&broker, "g").await;
}

/// What one group does with a message of a frame is nothing to another group.
///
/// Promise 4
pub async fn each_group_has_its_own_progress_in_a_frame<F: Fixture>(f: F) {
    let (broker, messages) = framed(&f, 5).await;
    let mut one = Member::join(&broker, "one").await;
    let mut two = Member::join(&broker, "two").await;
    let (by_one, by_two) = (one.take(5).await, two.take(5).await);
    one.reject(&by_one[0], "bad").await;
    one.retry(&by_one[1], Duration::ZERO, "again").await;
    one.ack_all(&by_one[2..]).await;
    let again = one.take(1).await;
    assert_eq!(received_ids(&again), [messages[1].id()]);
    two.ack_all(&by_two).await;
    assert_done(&broker, "two").await;
    assert_eq!(dead_letters(&broker, "two").await, []);
    assert_eq!(dead_letters(&broker, "one").await.len(), 1);
    // The probe of the other group was published here, too.
    let probe = one.take(1).await;
    one.ack_all(&[again, probe].concat()).await;
    assert_done(&broker, "one").await;
}

/// A dead letter that was a message of a frame comes back alone, to its group alone.
///
/// Promise 7
pub async fn a_dead_letter_of_a_frame_is_redriven_alone<F: Fixture>(f: F) {
    let (broker, messages) = framed(&f, 4).await;
    let mut member = Member::join(&broker, "g").await;
    let mut other = Member::join(&broker, "other").await;
    let got = member.take(4).await;
    member.reject(&got[2], "bad").await;
    member.ack_all(&[&got[..2], &got[3..]].concat()).await;
    let rest = other.take(4).await;
    other.ack_all(&rest).await;
    assert_eq!(redrive(&broker, "g", &DeadLetterSelector::All).await, 1);
    assert_eq!(lag(&broker, "other").await.total(), 0);
    let again = member.next().await;
    assert_eq!(again.message, messages[2]);
    assert_eq!((again.attempt, again.history.len()), (1, 0));
    member.ack(&again).await;
    assert_eq!(dead_letters(&broker, "g").await, []);
    assert_done(&broker, "g").await;
}
