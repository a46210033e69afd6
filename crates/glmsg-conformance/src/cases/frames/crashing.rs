//! A frame whose holder is gone.

use std::time::Duration;

use glmsg_broker::{Nack, Settled, TopicConfig};
use glmsg_core::{AttemptOutcome, DeadLetterReason};

use super::{assert_done, frame, framed};
use crate::Fixture;
use crate::member::{Member, past_soon, received_ids};
use crate::messages::{build, builder, ids, lag, message, only_dead_letter, store};

/// When the lease of a frame runs out, what was not finished of it comes again, in its order, as
/// the next attempt at each; what was acked does not.
///
/// Promise 2
pub async fn a_crash_gives_back_what_is_not_finished<F: Fixture>(f: F) {
    let (broker, messages) = framed(&f, 12).await;
    let mut victim = Member::join_briefly::<F>(&broker, "g").await;
    let held = victim.take(8).await;
    victim.ack_all(&[&held[..2], &held[5..6]].concat()).await;
    drop(victim.settler);
    // A process that is gone gives nothing back.
    std::mem::forget(victim.source);
    f.pass(past_soon::<F>()).await;
    let mut heir = Member::join(&broker, "g").await;
    let got = heir.take(9).await;
    let mut expected = ids(&messages);
    for acked in [5, 1, 0] {
        expected.remove(acked);
    }
    assert_eq!(received_ids(&got), expected);
    for delivery in &got {
        assert_eq!(delivery.attempt, 2);
        let history = delivery.history.attempts();
        let outcomes: Vec<_> = history.iter().map(|a| a.outcome).collect();
        assert_eq!(outcomes, [AttemptOutcome::LeaseExpired]);
    }
    heir.ack_all(&got).await;
    assert_done(&broker, "g").await;
}

/// A message that ends every consumer which has it becomes one dead letter. Its neighbours in the
/// frame are delivered again, and no more often than it.
///
/// Promise 5
pub async fn a_poison_message_takes_no_neighbour_along<F: Fixture>(f: F) {
    let broker = f.broker().await;
    frame(&broker, TopicConfig::default()).await;
    let poison = build(builder("poison").max_retries(0));
    let messages = [message("1"), message("2"), poison, message("3")];
    store(&broker, &messages).await;
    let mut victim = Member::join_briefly::<F>(&broker, "g").await;
    victim.take(4).await;
    drop(victim);
    f.pass(past_soon::<F>()).await;
    let mut heir = Member::join(&broker, "g").await;
    let got = heir.take(3).await;
    let expected = [0, 1, 3].map(|n: usize| messages[n].id());
    assert_eq!(received_ids(&got), expected);
    assert!(got.iter().all(|d| d.attempt == 2));
    let letter = only_dead_letter(&broker, "g").await;
    assert_eq!((letter.id, letter.attempts), (messages[2].id(), 1));
    assert_eq!(letter.reason, DeadLetterReason::MaxRetries);
    assert_eq!(heir.intake.dead_lettered, 1);
    heir.ack_all(&got).await;
    assert_done(&broker, "g").await;
}

/// A member that has lost a frame can settle none of its messages any more.
///
/// Promise 3
pub async fn a_former_holder_of_a_frame_settles_nothing<F: Fixture>(f: F) {
    let (broker, _) = framed(&f, 5).await;
    let mut former = Member::join_briefly::<F>(&broker, "g").await;
    let lost = former.take(5).await;
    f.pass(past_soon::<F>()).await;
    let mut holder = Member::join(&f.broker().await, "g").await;
    let held = holder.take(5).await;
    let reject = Nack::reject(lost[2].token, DeadLetterReason::Rejected, "late");
    let outcomes = [
        former.try_ack(&lost[0]).await,
        former.retry(&lost[1], Duration::ZERO, "late").await,
        former.nack(reject).await,
        former.release(&lost[3]).await,
        former.extend(&lost[4], F::soon()).await,
    ];
    assert_eq!(outcomes, [Settled::Stale; 5]);
    let now = lag(&broker, "g").await;
    assert_eq!((now.in_flight, now.delayed, now.dead_letters), (5, 0, 0));
    holder.ack_all(&held).await;
    assert_done(&broker, "g").await;
}

/// How far a frame is finished survives a crash of everything.
///
/// Promise 1
pub async fn a_partly_finished_frame_survives_a_crash<F: Fixture>(f: F) {
    let (broker, messages) = framed(&f, 10).await;
    let mut member = Member::join_briefly::<F>(&broker, "g").await;
    let held = member.take(10).await;
    member.ack_all(&held[..4]).await;
    member.reject(&held[4], "bad").await;
    drop((member, broker));
    let broker = f.reopen().await;
    f.pass(past_soon::<F>()).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(5).await;
    assert_eq!(received_ids(&got), ids(&messages[5..]));
    assert_eq!(only_dead_letter(&broker, "g").await.id, messages[4].id());
    member.ack_all(&got).await;
    assert_done(&broker, "g").await;
}
