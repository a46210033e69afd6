//! When failed messages come again, and how often.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{HandlerError, Incoming, Requeue, RetryPolicy, Settled};
use glmsg_core::DeadLetterReason;

use super::{Journal, drain, eager, keep_time, patient};
use crate::Fixture;
use crate::messages::{
    build, builder, dead_letters, lag, message, numbered, only_dead_letter, store,
};
use crate::watch::Watch;

/// Retries come at the policy's delays: asked for exactly, and never delivered sooner by the
/// broker's clock.
///
/// Promise 5
pub async fn retries_follow_the_policy<F: Fixture>(f: F) {
    let f = Arc::new(f);
    let _time = keep_time(&f);
    let (broker, watch) = Watch::over(f.broker().await);
    let delays = [0, 60, 120].map(Duration::from_millis);
    store(&broker, &[message("patience")]).await;
    let consumer = patient(&broker)
        .retry(RetryPolicy::new(delays.to_vec()))
        .start(|_: Incoming| async { Err(HandlerError::retry("not yet")) });
    let consumer = consumer.await.expect("starts");
    watch
        .until("four attempts", |seen| seen.nacks.len() == 4)
        .await;
    drain(consumer).await;
    let seen = watch.seen();
    for ((nack, _), delay) in seen.nacks.iter().zip(delays) {
        assert_eq!(nack.requeue, Requeue::After(delay), "as the policy says");
    }
    let last = Settled::DeadLettered(DeadLetterReason::MaxRetries);
    assert_eq!(seen.nacks[3].1, last, "the fourth was the last");
    let dead = only_dead_letter(&broker, "g").await;
    let ended: Vec<_> = dead.history.attempts().iter().map(|a| a.at).collect();
    for (pair, delay) in ended.windows(2).zip(delays) {
        let waited = pair[1].since(pair[0]);
        assert!(
            waited >= delay,
            "{waited:?} between attempts, not {delay:?}"
        );
    }
}

/// A handler may say itself when it wants the message again.
///
/// Promise 6
pub async fn a_handler_may_choose_the_delay<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &[message("tomorrow")]).await;
    let day = Duration::from_secs(24 * 3600);
    let consumer = eager(&broker)
        .start(move |_: Incoming| async move { Err(HandlerError::retry_after(day, "busy")) });
    let consumer = consumer.await.expect("starts");
    watch
        .until("an attempt", |seen| seen.nacks.len() == 1)
        .await;
    drain(consumer).await;
    assert_eq!(watch.seen().nacks[0].0.requeue, Requeue::After(day));
    assert_eq!(lag(&broker, "g").await.delayed, 1, "it waits in the broker");
}

/// By default the first retry comes at once, the next after 1 s and 2 s, and later ones after ever
/// more, with jitter, up to five minutes.
///
/// Promise 5
pub async fn the_default_policy_backs_off<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &[message("default")]).await;
    let consumer = patient(&broker).start(|_: Incoming| async { Err(HandlerError::retry("no")) });
    let consumer = consumer.await.expect("starts");
    watch
        .until("two attempts", |seen| seen.nacks.len() == 2)
        .await;
    drain(consumer).await;
    let seen = watch.seen();
    let asked: Vec<_> = seen.nacks.iter().map(|(nack, _)| nack.requeue).collect();
    let second = Duration::from_secs(1);
    assert_eq!(asked, [Requeue::NOW, Requeue::After(second)]);
    let policy = RetryPolicy::default();
    let first: Vec<_> = (1..=3).map(|n| policy.delay(n)).collect();
    assert_eq!(first, [Duration::ZERO, second, 2 * second]);
    for attempt in 4..100 {
        let delay = policy.delay(attempt);
        assert!(delay <= 300 * second, "{delay:?} after attempt {attempt}");
    }
    let mut late: Vec<_> = (0..50).map(|_| policy.delay(20)).collect();
    late.sort();
    late.dedup();
    assert!(late.len() > 10, "fifty late retries do not come together");
}

/// A message whose handler always fails is tried exactly 1 + `max_retries` times; then it is one
/// dead letter with its history, and a redrive brings it back once.
///
/// Promise 5, 7
pub async fn a_hopeless_message_is_tried_exactly_as_allowed<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let hopeless = message("hopeless");
    store(&broker, std::slice::from_ref(&hopeless)).await;
    store(&broker, &numbered(10)).await;
    let journal = Journal::default();
    let log = journal.clone();
    let handler = move |incoming: Incoming| {
        let log = log.clone();
        async move {
            log.note(incoming.id(), incoming.attempt());
            match &incoming.payload()[..] {
                b"hopeless" => Err(HandlerError::retry("as ever")),
                _ => Ok(()),
            }
        }
    };
    let consumer = eager(&broker).start(handler).await.expect("starts");
    watch
        .until("ten acks and four failures", |seen| {
            seen.acked == 10 && seen.nacks.len() == 4
        })
        .await;
    let tries = |journal: &Journal| -> Vec<u32> {
        let entries = journal.entries().into_iter();
        entries
            .filter(|(id, _)| *id == hopeless.id())
            .map(|(_, n)| n)
            .collect()
    };
    assert_eq!(tries(&journal), [1, 2, 3, 4], "once and three retries");
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(
        (dead.reason, dead.attempts),
        (DeadLetterReason::MaxRetries, 4)
    );
    assert_eq!(dead.history.len(), 4);
    let all = glmsg_broker::DeadLetterSelector::All;
    assert_eq!(crate::messages::redrive(&broker, "g", &all).await, 1);
    watch.until("four more", |seen| seen.nacks.len() == 8).await;
    drain(consumer).await;
    assert_eq!(tries(&journal), [1, 2, 3, 4, 1, 2, 3, 4]);
    assert_eq!(dead_letters(&broker, "g").await.len(), 1);
}

/// A policy may allow fewer attempts than the message does.
///
/// Promise 5
pub async fn a_policy_may_allow_fewer_attempts<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &[build(builder("stubborn").max_retries(50))]).await;
    let policy = RetryPolicy::fixed(Duration::ZERO).max_attempts(2);
    let consumer = patient(&broker)
        .retry(policy)
        .start(|_: Incoming| async { Err(HandlerError::retry("no")) });
    let consumer = consumer.await.expect("starts");
    watch
        .until("two attempts", |seen| seen.nacks.len() == 2)
        .await;
    drain(consumer).await;
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(
        (dead.reason, dead.attempts),
        (DeadLetterReason::MaxRetries, 2)
    );
    assert_eq!(dead.history.len(), 2);
}
