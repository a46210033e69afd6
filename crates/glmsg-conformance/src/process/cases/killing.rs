//! kill -9, at the worst moments.

use std::collections::HashSet;
use std::time::Duration;

use glmsg_core::AttemptOutcome;

use crate::Fixture;
use crate::member::Member;
use crate::messages::{build, builder, dead_letters, ids, lag, message, numbered, store};
use crate::patience::{until, within};
use crate::process::ledger::What;
use crate::process::plan::{Plan, Role};
use crate::process::stage::Stage;

/// Messages whose handlers were running when their process was killed are handled by another.
///
/// Promise 2
pub async fn unacked_messages_survive_kill_9<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let messages = numbered(10);
    store(&broker, &messages).await;
    let plan = Plan {
        workers: 10,
        ..stage.plan(Role::Hold)
    };
    let mut victim = stage.start(&plan);
    victim.take(What::Begun, 10).await;
    victim.kill().await;
    let mut heir = stage.start_as(Role::Handle);
    let done = heir.take(What::Done, 10).await;
    let found: HashSet<_> = done.iter().map(|event| event.id).collect();
    assert_eq!(found, ids(&messages).into_iter().collect());
    assert!(
        done.iter().all(|event| event.attempt == 2),
        "the second attempt"
    );
    heir.stop().await;
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// Messages that waited prefetched in a killed process are handled by another.
///
/// Promise 2
pub async fn prefetched_messages_survive_kill_9<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let messages = numbered(100);
    store(&broker, &messages).await;
    let plan = Plan {
        workers: 1,
        prefetch: 50,
        ..stage.plan(Role::Hold)
    };
    let mut victim = stage.start(&plan);
    victim.next(What::Begun).await;
    until("the worker's buffer to fill", || async {
        lag(&broker, "g").await.in_flight >= 50
    })
    .await;
    victim.kill().await;
    let mut heir = stage.start_as(Role::Handle);
    heir.take(What::Done, 100).await;
    heir.stop().await;
    assert_eq!(stage.done(), ids(&messages).into_iter().collect());
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// Workers that are killed again and again, at other moments each time, lose nothing together.
///
/// Promise 2
pub async fn nothing_is_lost_whenever_a_worker_is_killed<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let mut messages = Vec::new();
    for moment in [1, 3, 20, 41, 64] {
        // For each its own: one that is killed late may have acked all that were there.
        let first = messages.len();
        let numbers = first..first + moment + 40;
        messages.extend(numbers.map(|n| build(builder(&n.to_string()).max_retries(100))));
        store(&broker, &messages[first..]).await;
        let mut victim = stage.start_as(Role::Handle);
        victim.take(What::Done, moment).await;
        victim.kill().await;
    }
    let heir = stage.start_as(Role::Handle);
    until("everything to be acked", || async {
        lag(&broker, "g").await.total() == 0
    })
    .await;
    heir.stop().await;
    assert_eq!(stage.done(), ids(&messages).into_iter().collect());
    assert_eq!(dead_letters(&broker, "g").await, []);
}

/// Everything that a publisher had reported as stored when it was killed is there.
///
/// Promise 1
pub async fn a_killed_publisher_loses_nothing_it_reported<F: Fixture>(stage: Stage<F>) {
    let mut publisher = stage.start_as(Role::Publish);
    publisher.take(What::Stored, 100).await;
    publisher.kill().await;
    let reported: HashSet<_> = stage.events(What::Stored).iter().map(|e| e.id).collect();
    assert!(reported.len() >= 100);
    let broker = stage.broker().await;
    let mut member = Member::join(&broker, "g").await;
    let stored = lag(&broker, "g").await.undelivered;
    let got = member.take(usize::try_from(stored).expect("few")).await;
    let found: HashSet<_> = crate::member::received_ids(&got).into_iter().collect();
    let lost: Vec<_> = reported.difference(&found).collect();
    assert_eq!(lost, Vec::<&_>::new(), "reported as stored and not there");
    assert!(
        found.len() <= reported.len() + 1,
        "at most the one whose report was cut off is there unreported"
    );
}

/// A retry that was waiting for its delay when its process was killed comes when it is due.
///
/// Promise 6
pub async fn a_delayed_retry_survives_kill_9<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    store(&broker, &[message("later")]).await;
    let plan = Plan {
        delay: Duration::from_secs(2),
        ..stage.plan(Role::Fail)
    };
    let mut victim = stage.start(&plan);
    victim.next(What::Begun).await;
    until("the retry to be stored", || async {
        lag(&broker, "g").await.delayed == 1
    })
    .await;
    victim.kill().await;
    let mut heir = stage.start_as(Role::Handle);
    let done = heir.next(What::Done).await;
    assert_eq!(done.attempt, 2);
    heir.stop().await;
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// Scheduled messages whose publisher was killed before they were due are delivered when they are.
///
/// Promise 6
pub async fn a_scheduled_message_survives_kill_9<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let plan = Plan {
        delay: Duration::from_secs(2),
        ..stage.plan(Role::Publish)
    };
    let mut publisher = stage.start(&plan);
    publisher.take(What::Stored, 10).await;
    publisher.kill().await;
    let reported: HashSet<_> = stage.events(What::Stored).iter().map(|e| e.id).collect();
    let mut heir = stage.start_as(Role::Handle);
    let done = heir.take(What::Done, reported.len()).await;
    assert!(done.iter().all(|event| event.attempt == 1));
    until("everything to be acked", || async {
        lag(&broker, "g").await.total() == 0
    })
    .await;
    heir.stop().await;
    let lost = reported.difference(&stage.done()).count();
    assert_eq!(lost, 0, "of {} reported as stored", reported.len());
}

/// A worker that is stopped in its tracks while another takes its message over cannot ack it when
/// it goes on.
///
/// Promise 3
pub async fn a_paused_worker_cannot_ack_what_another_took_over<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let poisoned = build(builder("slow").max_retries(1));
    store(&broker, std::slice::from_ref(&poisoned)).await;
    let mut paused = stage.start_as(Role::Stall);
    paused.next(What::Begun).await;
    paused.signal("STOP").await;
    let mut member = Member::join(&broker, "g").await;
    let got = within("the message at another", member.next()).await;
    assert_eq!((got.message.id(), got.attempt), (poisoned.id(), 2));
    let ended = got.history.last().expect("one attempt has ended");
    assert_eq!(ended.outcome, AttemptOutcome::LeaseExpired);
    paused.signal("CONT").await;
    paused.say("go on").await;
    paused.next(What::Stale).await;
    assert_eq!(lag(&broker, "g").await.in_flight, 1, "still with the other");
    member.ack(&got).await;
    let status = paused.exit().await;
    assert!(status.success(), "the paused worker ended with {status}");
    assert_eq!(lag(&broker, "g").await.total(), 0);
}
