//! Many workers, many consumers, and changing one's mind about how many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use glmsg_broker::{HandlerError, HealthStatus, Incoming};
use tokio::sync::{Barrier, Semaphore};

use super::{Journal, drain, eager, patient};
use crate::Fixture;
use crate::messages::{ids, lag, numbered, store};
use crate::patience::{until, within};
use crate::watch::Watch;

/// Ten workers handle ten messages at the same time.
pub async fn ten_workers_work_at_once<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &numbered(100)).await;
    let together = Arc::new(Barrier::new(10));
    let handler = move |_: Incoming| {
        let together = together.clone();
        async move {
            // Passed only when ten are here at once.
            together.wait().await;
            Ok::<(), HandlerError>(())
        }
    };
    let consumer = eager(&broker).workers(10).start(handler);
    let consumer = consumer.await.expect("starts");
    watch.until("100 acks", |seen| seen.acked == 100).await;
    drain(consumer).await;
}

/// Workers can be added and removed while the consumer runs.
pub async fn workers_can_be_added_and_removed<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &numbered(40)).await;
    let gate = Arc::new(Semaphore::new(0));
    let running = Arc::new(AtomicUsize::new(0));
    let (held, active) = (gate.clone(), running.clone());
    let handler = move |_: Incoming| {
        let (held, active) = (held.clone(), active.clone());
        async move {
            active.fetch_add(1, Ordering::SeqCst);
            held.acquire().await?.forget();
            active.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let consumer = eager(&broker).workers(1).start(handler);
    let consumer = consumer.await.expect("starts");
    let running_is = async |n: usize| {
        let what = format!(
            "{n} running handlers, of {}",
            running.load(Ordering::SeqCst)
        );
        until(&what, || async { running.load(Ordering::SeqCst) == n }).await;
    };
    running_is(1).await;
    consumer.set_workers(6).expect("a sensible number");
    running_is(6).await;
    consumer.set_workers(2).expect("a sensible number");
    // Each permit lets one finish; those over two are not replaced.
    gate.add_permits(6);
    running_is(2).await;
    watch.until("six acks", |seen| seen.acked == 6).await;
    gate.add_permits(34);
    watch.until("40 acks", |seen| seen.acked == 40).await;
    assert_eq!(consumer.stats().workers, 2);
    drain(consumer).await;
}

/// Two consumers of a group share its messages and handle each once.
///
/// Promise 4
pub async fn consumers_share_a_group<F: Fixture>(f: F) {
    let messages = numbered(300);
    let journal = Journal::default();
    let mut consumers = Vec::new();
    let (broker, watch) = Watch::over(f.broker().await);
    for _ in 0..3 {
        let log = journal.clone();
        let handler = move |incoming: Incoming| {
            log.note(incoming.id(), incoming.attempt());
            async { Ok(()) }
        };
        let consumer = eager(&broker).prefetch(10).start(handler);
        consumers.push(consumer.await.expect("starts"));
    }
    for part in messages.chunks(30) {
        store(&broker, part).await;
    }
    watch.until("300 acks", |seen| seen.acked == 300).await;
    for consumer in consumers {
        drain(consumer).await;
    }
    journal.assert_each_once(&ids(&messages));
}

/// A hundred consumers of one group on one handle and default settings work, while the handle goes
/// on publishing and is healthy; all of them stop.
///
/// Promise 13
pub async fn a_hundred_consumers_of_one_group<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let journal = Journal::default();
    let mut consumers = Vec::new();
    for _ in 0..100 {
        let log = journal.clone();
        let handler = move |incoming: Incoming| {
            log.note(incoming.id(), incoming.attempt());
            async { Ok(()) }
        };
        consumers.push(patient(&broker).start(handler).await.expect("starts"));
    }
    let messages = numbered(500);
    for part in messages.chunks(25) {
        store(&broker, part).await;
    }
    let health = within("a probe", broker.health()).await;
    assert_eq!(health.status, HealthStatus::Healthy, "{health:?}");
    watch.until("500 acks", |seen| seen.acked == 500).await;
    let draining: Vec<_> = consumers
        .into_iter()
        .map(|consumer| tokio::spawn(consumer.shutdown()))
        .collect();
    for (n, drain) in draining.into_iter().enumerate() {
        let what = format!("the drain of consumer {n}");
        let drained = within(&what, drain).await.expect("no panic");
        drained.expect("drains");
    }
    journal.assert_each_once(&ids(&messages));
    assert_eq!(lag(&broker, "g").await.total(), 0);
}
