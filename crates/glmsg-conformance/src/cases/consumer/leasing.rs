//! Leases under the runtime: renewed while a handler runs and while a message waits.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{HandlerError, Incoming};
use tokio::sync::Semaphore;

use super::{Journal, drain, eager, keep_time};
use crate::Fixture;
use crate::member::Member;
use crate::messages::{ids, lag, message, numbered, store};
use crate::watch::Watch;

/// Long enough that a machine under load renews in time, short enough to outlast it several times.
const LEASE: Duration = Duration::from_secs(2);

/// A handler that runs for more than three leases runs once, and its ack counts.
///
/// Promise 3
pub async fn a_slow_handler_runs_once<F: Fixture>(f: F) {
    let f = Arc::new(f);
    let _time = keep_time(&f);
    let (broker, watch) = Watch::over(f.broker().await);
    let sent = message("slow");
    store(&broker, std::slice::from_ref(&sent)).await;
    let journal = Journal::default();
    let log = journal.clone();
    let handler = move |incoming: Incoming| {
        log.note(incoming.id(), incoming.attempt());
        async {
            tokio::time::sleep(LEASE * 7 / 2).await;
            Ok::<(), HandlerError>(())
        }
    };
    let first = eager(&broker).lease(LEASE).start(handler.clone());
    let first = first.await.expect("starts");
    let second = eager(&broker).lease(LEASE).start(handler);
    let second = second.await.expect("starts");
    watch.until("the ack", |seen| seen.acked == 1).await;
    for consumer in [first, second] {
        drain(consumer).await;
    }
    journal.assert_each_once(&[sent.id()]);
    assert_eq!(watch.seen().stale, 0);
}

/// Messages that wait prefetched for longer than the lease stay where they are, and are not
/// delivered to another member that asks for them.
///
/// Promise 3
pub async fn a_message_that_waits_prefetched_stays<F: Fixture>(f: F) {
    let f = Arc::new(f);
    let _time = keep_time(&f);
    let (broker, watch) = Watch::over(f.broker().await);
    let messages = numbered(20);
    store(&broker, &messages).await;
    let gate = Arc::new(Semaphore::new(0));
    let journal = Journal::default();
    let (log, held) = (journal.clone(), gate.clone());
    let handler = move |incoming: Incoming| {
        let (log, held) = (log.clone(), held.clone());
        async move {
            let _pass = held.acquire().await?;
            log.note(incoming.id(), incoming.attempt());
            Ok(())
        }
    };
    // Room for these twenty and no more, so that a later message goes to the other member.
    let consumer = eager(&broker).workers(1).prefetch(20).lease(LEASE);
    let consumer = consumer.start(handler);
    let consumer = consumer.await.expect("starts");
    watch
        .until("20 messages prefetched", |seen| seen.received.len() == 20)
        .await;
    let mut other = Member::join(&f.broker().await, "g").await;
    // A lease is renewed three times in its length, so nine renewals are three lengths.
    watch
        .until("nine renewals of every message's lease", |seen| {
            seen.extended.len() == 20 && seen.extended.values().all(|n| *n >= 9)
        })
        .await;
    other.expect_nothing(&broker).await;
    drop(other);
    gate.add_permits(20);
    watch.until("20 acks", |seen| seen.acked >= 20).await;
    drain(consumer).await;
    journal.assert_each_once(&ids(&messages));
}

/// Twenty messages whose handlers each take as long as the lease, on five workers, are handled
/// once each: those that wait for a worker lose nothing by waiting.
///
/// Promise 3
pub async fn twenty_handlers_as_long_as_the_lease_run_once_each<F: Fixture>(f: F) {
    let f = Arc::new(f);
    let _time = keep_time(&f);
    let (broker, watch) = Watch::over(f.broker().await);
    let messages = numbered(20);
    store(&broker, &messages).await;
    let journal = Journal::default();
    let log = journal.clone();
    let handler = move |incoming: Incoming| {
        log.note(incoming.id(), incoming.attempt());
        async {
            tokio::time::sleep(LEASE).await;
            Ok::<(), HandlerError>(())
        }
    };
    let busy = eager(&broker)
        .workers(5)
        .lease(LEASE)
        .start(handler.clone());
    let busy = busy.await.expect("starts");
    let idle = eager(&broker).workers(5).lease(LEASE).start(handler);
    let idle = idle.await.expect("starts");
    watch.until("20 acks", |seen| seen.acked == 20).await;
    for consumer in [busy, idle] {
        drain(consumer).await;
    }
    journal.assert_each_once(&ids(&messages));
    assert_eq!(watch.seen().stale, 0);
}

/// A consumer that was cut off so long that another took its message over cannot ack it any more,
/// and says so in its statistics.
///
/// Promise 3
pub async fn a_late_ack_is_refused_and_counted<F: Fixture>(f: F) {
    let f = Arc::new(f);
    let _time = keep_time(&f);
    let (broker, watch) = Watch::over(f.broker().await);
    watch.swallow_renewals();
    store(&broker, &[message("contended")]).await;
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let handler = move |_: Incoming| {
        let held = held.clone();
        async move {
            let _pass = held.acquire().await?;
            Ok(())
        }
    };
    let cut_off = eager(&broker).lease(F::soon()).workers(1).prefetch(1);
    let cut_off = cut_off.start(handler).await.expect("starts");
    watch
        .until("its delivery", |seen| seen.received.len() == 1)
        .await;
    let mut other = Member::join(&f.broker().await, "g").await;
    let got = other.next().await;
    assert!(got.attempt >= 2, "taken over when the lease ran out");
    gate.add_permits(10);
    watch.until("its late ack", |seen| seen.stale >= 1).await;
    crate::patience::until("the statistics to tell", || async {
        cut_off.stats().stale >= 1
    })
    .await;
    assert_eq!(lag(&broker, "g").await.in_flight, 1, "still with the other");
    other.ack(&got).await;
    drain(cut_off).await;
}
