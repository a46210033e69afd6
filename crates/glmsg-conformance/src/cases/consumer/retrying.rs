//! Failed attempts: all kinds of them, when they come again, and when they do not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{HandlerError, Incoming, Ordering};
use glmsg_core::{AttemptOutcome, DeadLetterReason};

use super::{Journal, drain, eager};
use crate::Fixture;
use crate::member::{Member, past_soon};
use crate::messages::{build, builder, lag, message, numbered, only_dead_letter, store};
use crate::watch::Watch;

/// A handler's error is a failed attempt that is retried: after two of them the third succeeds,
/// and no message is dropped.
///
/// Promise 5
pub async fn an_error_is_retried_and_never_dropped<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &numbered(20)).await;
    let handler = |incoming: Incoming| async move {
        if incoming.attempt() < 3 {
            let cause = std::io::Error::other(format!("failure {}", incoming.attempt()));
            return Err(HandlerError::from(cause));
        }
        let history = incoming.history().attempts();
        assert_eq!(history.len(), 2);
        assert!(history[0].error.contains("failure 1"), "{history:?}");
        assert_eq!(history[1].outcome, AttemptOutcome::Failed);
        Ok(())
    };
    let consumer = eager(&broker).start(handler).await.expect("starts");
    watch.until("20 acks", |seen| seen.acked == 20).await;
    drain(consumer).await;
    assert_eq!(watch.seen().nacks.len(), 40);
    let now = lag(&broker, "g").await;
    assert_eq!((now.total(), now.dead_letters), (0, 0));
}

/// A handler that panics has failed one attempt; the consumer and its other workers go on.
///
/// Promise 5
pub async fn a_panic_is_a_failed_attempt<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let bad = build(builder("boom").max_retries(2));
    store(&broker, std::slice::from_ref(&bad)).await;
    store(&broker, &numbered(10)).await;
    let handler = |incoming: Incoming| async move {
        // A panic that prints nothing: it is expected, and the test's output should not alarm.
        if &incoming.payload()[..] == b"boom" {
            std::panic::resume_unwind(Box::new("boom"));
        }
        Ok(())
    };
    let consumer = eager(&broker).workers(2).start(handler);
    let consumer = consumer.await.expect("starts");
    watch
        .until("ten acks and three failures", |seen| {
            seen.acked == 10 && seen.nacks.len() == 3
        })
        .await;
    drain(consumer).await;
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!((dead.id, dead.attempts), (bad.id(), 3));
    let outcomes: Vec<_> = dead.history.attempts().iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Panicked; 3]);
}

/// A handler that does not end in its time has failed one attempt.
///
/// Promise 5
pub async fn a_time_out_is_a_failed_attempt<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &[build(builder("slow").max_retries(1))]).await;
    let consumer = eager(&broker)
        .handler_timeout(Duration::from_millis(50))
        .start(|_: Incoming| std::future::pending::<Result<(), HandlerError>>());
    let consumer = consumer.await.expect("starts");
    watch
        .until("two time-outs", |seen| seen.nacks.len() == 2)
        .await;
    drain(consumer).await;
    let dead = only_dead_letter(&broker, "g").await;
    let outcomes: Vec<_> = dead.history.attempts().iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::TimedOut; 2]);
}

/// A handler that rejects a message makes it a dead letter at once.
///
/// Promise 5
pub async fn a_rejection_is_not_retried<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &[message("spam")]).await;
    let consumer =
        eager(&broker).start(|_: Incoming| async { Err(HandlerError::reject("not for us")) });
    let consumer = consumer.await.expect("starts");
    watch
        .until("an attempt", |seen| seen.nacks.len() == 1)
        .await;
    drain(consumer).await;
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(
        (dead.reason, dead.attempts),
        (DeadLetterReason::Rejected, 1)
    );
    assert!(dead.detail.contains("not for us"), "{}", dead.detail);
}

/// A message that was delivered as often as it allows does not reach a handler again.
///
/// Promise 5
pub async fn the_cap_is_checked_before_the_handler_runs<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let poison = build(builder("poison").max_retries(1));
    store(&broker, std::slice::from_ref(&poison)).await;
    for _ in 0..2 {
        // A consumer that dies of it.
        let mut member = Member::join_briefly::<F>(&broker, "g").await;
        member.next().await;
        drop(member);
        f.pass(past_soon::<F>()).await;
    }
    let sound = message("sound");
    store(&broker, std::slice::from_ref(&sound)).await;
    let journal = Journal::default();
    let log = journal.clone();
    let handler = move |incoming: Incoming| {
        log.note(incoming.id(), incoming.attempt());
        async { Ok(()) }
    };
    let consumer = eager(&broker).start(handler).await.expect("starts");
    watch.until("an ack", |seen| seen.acked == 1).await;
    assert_eq!(consumer.stats().dead_lettered, 1, "the statistics tell");
    drain(consumer).await;
    journal.assert_each_once(&[sound.id()]);
    assert_eq!(only_dead_letter(&broker, "g").await.id, poison.id());
}

/// With order by key, many workers and failing attempts, each key is finished in its order.
///
/// Promise 9
pub async fn order_by_key_holds_across_retries<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let keys = ["a", "b", "c", "d"];
    let messages: Vec<_> = (0..80)
        .map(|n| build(builder(&n.to_string()).key(keys[n % 4])))
        .collect();
    store(&broker, &messages).await;
    let finished = Arc::new(std::sync::Mutex::new(BTreeMap::<String, Vec<_>>::new()));
    let done = finished.clone();
    let handler = move |incoming: Incoming| {
        let done = done.clone();
        async move {
            let n: usize = String::from_utf8_lossy(incoming.payload()).parse()?;
            if n.is_multiple_of(5) && incoming.attempt() < 3 {
                return Err(HandlerError::retry("every fifth fails twice"));
            }
            let key = incoming.key().unwrap_or_default().to_owned();
            done.lock()
                .expect("no panic")
                .entry(key)
                .or_default()
                .push(n);
            Ok(())
        }
    };
    let consumer = eager(&broker).ordering(Ordering::PerKey).start(handler);
    let consumer = consumer.await.expect("starts");
    watch.until("80 acks", |seen| seen.acked == 80).await;
    drain(consumer).await;
    for (key, order) in finished.lock().expect("no panic").iter() {
        assert_eq!(order.len(), 20, "key {key}");
        assert!(order.is_sorted(), "key {key} was finished as {order:?}");
    }
}
