//! Stopping: what runs is finished, what waits is given back, nothing is stranded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use glmsg_broker::{HandlerError, Incoming};
use tokio::sync::Semaphore;

use super::{drain, eager};
use crate::Fixture;
use crate::member::Member;
use crate::messages::{lag, message, numbered, store};
use crate::patience::{until, within};
use crate::watch::Watch;

/// A drain finishes and acks what runs, and gives back at once, uncounted, what waits prefetched.
///
/// Promise 15
pub async fn a_drain_finishes_what_runs_and_releases_the_rest<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &numbered(50)).await;
    let gate = Arc::new(Semaphore::new(0));
    let (running, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let held = gate.clone();
    let handler = move |_: Incoming| {
        let (held, running) = (held.clone(), running.clone());
        async move {
            let _ = running.send(());
            let _pass = held.acquire().await?;
            Ok(())
        }
    };
    let consumer = eager(&broker).workers(2).prefetch(30).start(handler);
    let consumer = consumer.await.expect("starts");
    for _ in 0..2 {
        within("two running handlers", begun.recv()).await;
    }
    watch
        .until("30 messages prefetched", |seen| seen.received.len() >= 30)
        .await;
    let draining = tokio::spawn(consumer.shutdown());
    // While the two still run.
    watch
        .until("the release of what waits", |seen| {
            seen.released >= seen.received.len() - 2
        })
        .await;
    let now = lag(&broker, "g").await;
    assert_eq!(
        (now.in_flight, now.total()),
        (2, 50),
        "two run, the rest is free"
    );
    let mut other = Member::join(&broker, "g").await;
    let got = other.take(48).await;
    assert!(got.iter().all(|d| d.attempt == 1), "uncounted");
    gate.add_permits(2);
    within("the drain", draining)
        .await
        .expect("no panic")
        .expect("drains");
    let seen = watch.seen();
    assert_eq!((seen.acked, seen.stale), (2, 0), "what ran was acked");
    let now = lag(&broker, "g").await;
    assert_eq!((now.in_flight, now.total()), (48, 48), "all with the other");
}

/// A drain tells running handlers, so that long work can stop early.
///
/// Promise 15
pub async fn a_drain_tells_its_handlers<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &[message("long work")]).await;
    let (running, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |incoming: Incoming| {
        let running = running.clone();
        async move {
            let _ = running.send(());
            incoming.cancelled().await;
            Ok::<(), HandlerError>(())
        }
    };
    let consumer = eager(&broker).start(handler).await.expect("starts");
    within("the running handler", begun.recv()).await;
    drain(consumer).await;
    assert_eq!(watch.seen().acked, 1);
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// A handler that does not end in the drain's time is stopped, and its message is free for others
/// at once.
///
/// Promise 15
pub async fn a_drain_out_of_time_strands_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("endless")]).await;
    let (running, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |_: Incoming| {
        let _ = running.send(());
        std::future::pending::<Result<(), HandlerError>>()
    };
    let consumer = eager(&broker)
        .drain_timeout(Duration::from_millis(50))
        .start(handler);
    let consumer = consumer.await.expect("starts");
    within("the running handler", begun.recv()).await;
    let report = drain(consumer).await;
    assert_eq!(report.stopped, 1, "the report tells");
    let now = lag(&broker, "g").await;
    assert_eq!(
        (now.in_flight, now.total()),
        (0, 1),
        "nothing waits for a lease"
    );
    let got = Member::join(&broker, "g").await.next().await;
    assert_eq!(got.attempt, 1, "given back, as what waited");
}

/// Dropping a consumer's handle without a word begins the drain.
///
/// Promise 15
pub async fn a_dropped_consumer_strands_nothing<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &numbered(30)).await;
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let handler = move |_: Incoming| {
        let held = held.clone();
        async move {
            let _pass = held.acquire().await?;
            Ok(())
        }
    };
    let consumer = eager(&broker).workers(1).start(handler);
    let consumer = consumer.await.expect("starts");
    watch
        .until("30 messages prefetched", |seen| seen.received.len() == 30)
        .await;
    drop(consumer);
    gate.add_permits(30);
    // An ack counts at the server before its caller has heard of it, so both are asked until they
    // agree.
    let left = AtomicU64::new(0);
    until("each of the 30 acked or given back", || async {
        let now = lag(&broker, "g").await;
        left.store(now.total(), Ordering::Relaxed);
        now.in_flight == 0 && watch.seen().acked as u64 + now.total() == 30
    })
    .await;
    let mut other = Member::join(&broker, "g").await;
    let got = other
        .take(usize::try_from(left.into_inner()).expect("few"))
        .await;
    assert!(got.iter().all(|d| d.attempt == 1));
}
