//! Holding back what a consumer takes, and giving back what it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use glmsg_broker::{Gate, HandlerError, Incoming};
use tokio::sync::Semaphore;

use super::{Journal, drain, eager};
use crate::Fixture;
use crate::messages::{build, builder, dead_letters, ids, lag, numbered, store};
use crate::patience::until;
use crate::watch::Watch;

/// A consumer that is paused takes nothing: others of the group get the messages, as their first
/// attempt. Resumed, it takes its part again.
///
/// Promise 4
pub async fn a_paused_consumer_takes_nothing<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let (first, second) = (Journal::default(), Journal::default());
    let noting = |log: &Journal| {
        let log = log.clone();
        move |incoming: Incoming| {
            log.note(incoming.id(), incoming.attempt());
            async { Ok(()) }
        }
    };
    let before = numbered(5);
    store(&broker, &before).await;
    let paused = eager(&broker).start(noting(&first)).await.expect("starts");
    watch.until("5 acks", |seen| seen.acked == 5).await;
    paused.pause();
    assert!(paused.is_paused());
    let meanwhile = numbered(40);
    store(&broker, &meanwhile).await;
    let other = eager(&broker).start(noting(&second)).await.expect("starts");
    watch.until("45 acks", |seen| seen.acked == 45).await;
    drain(other).await;
    first.assert_each_once(&ids(&before));
    second.assert_each_once(&ids(&meanwhile));

    paused.resume();
    let after = numbered(5);
    store(&broker, &after).await;
    watch.until("50 acks", |seen| seen.acked == 50).await;
    drain(paused).await;
    first.assert_each_once(&ids(&[before, after].concat()));
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// When a gate closes, what runs finishes, and what waits goes to others of the group, uncounted.
///
/// Promise 4
pub async fn what_waits_behind_a_closed_gate_goes_back<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let messages = numbered(20);
    store(&broker, &messages).await;
    let (journal, hold) = (Journal::default(), Arc::new(Semaphore::new(0)));
    let (log, held) = (journal.clone(), hold.clone());
    let handler = move |incoming: Incoming| {
        let (log, held) = (log.clone(), held.clone());
        async move {
            log.note(incoming.id(), incoming.attempt());
            held.acquire().await?.forget();
            Ok(())
        }
    };
    let gate = Gate::new();
    let one = eager(&broker).workers(1).gate(&gate).start(handler);
    let one = one.await.expect("starts");
    watch
        .until("all received", |seen| seen.received.len() == 20)
        .await;
    until("one handler", || async { journal.entries().len() == 1 }).await;
    gate.close();
    watch
        .until(
            "19 given back, or more: a receive under way may bring them again",
            |seen| seen.released >= 19,
        )
        .await;
    let log = journal.clone();
    let handler = move |incoming: Incoming| {
        log.note(incoming.id(), incoming.attempt());
        async { Ok(()) }
    };
    let other = eager(&broker).start(handler).await.expect("starts");
    watch.until("19 acks", |seen| seen.acked == 19).await;
    hold.add_permits(1);
    watch.until("the last ack", |seen| seen.acked == 20).await;
    drain(one).await;
    drain(other).await;
    journal.assert_each_once(&ids(&messages));
}

/// A gate may let in so many messages at a time; a consumer has no more of them in its process.
pub async fn a_gate_lets_so_many_in<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (running.clone(), most.clone());
    let hold = Arc::new(Semaphore::new(0));
    let held = hold.clone();
    let handler = move |_: Incoming| {
        let (now, peak, held) = (now.clone(), peak.clone(), held.clone());
        async move {
            let others = now.fetch_add(1, Ordering::SeqCst);
            peak.fetch_max(others + 1, Ordering::SeqCst);
            held.acquire().await?.forget();
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let gate = Gate::new();
    gate.limit_to(3);
    let consumer = eager(&broker).workers(10).gate(&gate).start(handler);
    let consumer = consumer.await.expect("starts");
    store(&broker, &numbered(30)).await;
    let running_is = async |n: usize| {
        until("so many handlers", || async {
            running.load(Ordering::SeqCst) == n
        })
        .await;
    };
    running_is(3).await;
    hold.add_permits(10);
    watch.until("10 acks", |seen| seen.acked == 10).await;
    running_is(3).await;
    let stats = consumer.stats();
    assert!(stats.in_flight + stats.buffered <= 3, "{stats:?}");
    assert_eq!(most.load(Ordering::SeqCst), 3, "never more at a time");
    gate.open();
    running_is(10).await;
    hold.add_permits(20);
    watch.until("all acks", |seen| seen.acked == 30).await;
    drain(consumer).await;
}

/// A handler may give a message back unhandled: it comes again at once, and the attempt does not
/// count, however often.
///
/// Promise 5
pub async fn what_is_released_comes_again_uncounted<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &[build(builder("m").max_retries(1))]).await;
    let journal = Journal::default();
    let log = journal.clone();
    let handler = move |incoming: Incoming| {
        log.note(incoming.id(), incoming.attempt());
        let again = log.entries().len() <= 5;
        async move {
            match again {
                true => Err(HandlerError::release("not now")),
                false => Ok(()),
            }
        }
    };
    let consumer = eager(&broker).start(handler).await.expect("starts");
    watch.until("an ack", |seen| seen.acked == 1).await;
    let report = drain(consumer).await;
    let attempts: Vec<_> = journal.entries().iter().map(|(_, n)| *n).collect();
    assert_eq!(attempts, [1; 6]);
    assert_eq!((report.stats.failed, report.stats.released), (0, 5));
    assert!(dead_letters(&broker, "g").await.is_empty());
}
