//! How much is done at a time, and how fast.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use glmsg_conformance::Fixture;
use glmsg_faults::until;
use glmsg_patterns::work_queue::{Job, Rate};
use tokio::sync::Semaphore;

use super::{Begun, OFTEN, PATIENCE, queue, submit_all};

/// Each worker runs as many tasks at a time as it may, the pool no more than the queue's bound.
pub(crate) async fn bounds_on_what_runs_are_kept<F: Fixture>(f: F) {
    let queue = queue(f.broker().await);
    submit_all(&queue, (0..20).map(|n| n.to_string())).await;
    for (max_running, expected) in [(10_000, 6), (4, 4)] {
        let gate = Arc::new(Semaphore::new(0));
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let (held, active, high) = (gate.clone(), running.clone(), most.clone());
        let builder = queue.workers(2).concurrency(3).max_running(max_running);
        let pool = builder.start(move |job: Job| {
            assert!(job.worker() < 2);
            let (held, active, high) = (held.clone(), active.clone(), high.clone());
            async move {
                high.fetch_max(active.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                held.acquire().await?.forget();
                active.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }
        });
        let pool = pool.await.expect("it starts");
        until("as many run as may", PATIENCE, || async {
            running.load(Ordering::SeqCst) == expected
        })
        .await;
        assert_eq!(pool.stats().running, expected);
        gate.add_permits(10);
        until("ten are done", PATIENCE, || async {
            pool.stats().done == 10
        })
        .await;
        assert_eq!(most.load(Ordering::SeqCst), expected);
        gate.add_permits(100);
        pool.shutdown().await.expect("it stops");
        submit_all(&queue, (0..20).map(|n| n.to_string())).await;
    }
}

/// Tasks begin no faster than the rate allows, and a stop does not wait for it.
pub(crate) async fn a_rate_is_kept<F: Fixture>(f: F) {
    let queue = queue(f.broker().await);
    submit_all(&queue, (0..100).map(|n| n.to_string())).await;
    let began = Instant::now();
    let begun = Begun::default();
    let rate = Rate::new(10, Duration::from_millis(500)).burst(2);
    let pool = queue.workers(8).rate(rate).look_every(OFTEN);
    let pool = pool.start(begun.handler()).await.expect("it starts");
    begun.are(12).await;
    let took = began.elapsed();
    // Two at once, then one each 50 ms.
    assert!(
        took >= Duration::from_millis(490),
        "twelve began in {took:?}"
    );
    let began = Instant::now();
    let stats = pool.shutdown().await.expect("it stops");
    let took = began.elapsed();
    // At this rate the 88 that wait would take more than four seconds.
    assert!(took < Duration::from_secs(4), "it took {took:?} to stop");
    assert_eq!(stats.failed, 0);
    // Nothing was lost, and nothing of what waited counts as tried.
    let attempts = Arc::new(AtomicUsize::new(0));
    let most = attempts.clone();
    let pool = queue.workers(8).start(move |job: Job| {
        most.fetch_max(job.attempt() as usize, Ordering::SeqCst);
        async { Ok(()) }
    });
    let pool = pool.await.expect("it starts");
    let left = 100 - stats.done;
    until("the others are done", PATIENCE, || async {
        pool.stats().done == left
    })
    .await;
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
    pool.shutdown().await.expect("it stops");
}
