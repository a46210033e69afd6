//! Workers come, go, die and stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use glmsg_broker::{BoxSettler, Broker, HandlerError, Nack, RetryPolicy, Settled, Settler};
use glmsg_conformance::{Fixture, Hooks, Interposed};
use glmsg_core::{Error, ErrorKind, Result};
use glmsg_faults::until;
use glmsg_patterns::work_queue::{Job, WorkerPool};
use tokio::sync::Semaphore;

use super::{Begun, OFTEN, PATIENCE, queue, submit_all};

/// Nacks cannot be told for a while.
#[derive(Debug, Default)]
struct DeafToNacks(AtomicU32);

impl Hooks for DeafToNacks {
    async fn nack(&self, nacks: &[Nack], settler: &BoxSettler) -> Result<Vec<Settled>> {
        if self.0.fetch_add(1, Ordering::SeqCst) < 3 {
            return Err(Error::new(ErrorKind::Unavailable, "the line is cut"));
        }
        settler.nack(nacks).await
    }
}

/// B33: in the original a nack that failed ended its worker, and left the others to themselves. Here
/// it is told again; every task is done, nobody ends, and the pool can be stopped.
pub(crate) async fn a_nack_that_fails_ends_no_worker<F: Fixture>(f: F) {
    let hooks = Arc::new(DeafToNacks::default());
    let broker = Interposed::new(f.broker().await, hooks.clone());
    let queue = queue(Arc::new(broker));
    let begun = Begun::default();
    let log = begun.clone();
    let pool = queue
        .workers(3)
        .retry(RetryPolicy::fixed(Duration::ZERO))
        .start(move |job: Job| {
            log.note(&job);
            async move {
                match job.attempt() {
                    1 => Err(HandlerError::retry("the first time it fails")),
                    _ => Ok(()),
                }
            }
        });
    let pool = pool.await.expect("it starts");
    submit_all(&queue, (0..20).map(|n| n.to_string())).await;
    until("all are done", PATIENCE, || async {
        pool.stats().done == 20
    })
    .await;
    assert!(pool.is_running());
    assert!(hooks.0.load(Ordering::SeqCst) > 3, "nacks did fail");
    let stats = pool.shutdown().await.expect("it stops");
    assert_eq!((stats.failed, stats.dead_lettered), (20, 0));
}

/// B39: the original marked a dead worker and left it at that. Here handlers that panic, more often
/// than there are workers, leave workers that do what comes later.
pub(crate) async fn dead_workers_are_replaced<F: Fixture>(f: F) {
    let queue = queue(f.broker().await);
    let begun = Begun::default();
    let log = begun.clone();
    let pool = queue.workers(2).start(move |job: Job| {
        log.note(&job);
        async move {
            assert!(job.payload() != "deadly", "as it was told to");
            Ok(())
        }
    });
    let pool = pool.await.expect("it starts");
    for _ in 0..10 {
        let task = queue.task().payload("deadly").with(|m| m.max_retries(0));
        queue.submit(task).await.expect("it is taken");
    }
    until("ten are dead letters", PATIENCE, || async {
        pool.stats().dead_lettered == 10
    })
    .await;
    submit_all(&queue, (0..4).map(|n| n.to_string())).await;
    until("four are done", PATIENCE, || async {
        pool.stats().done == 4
    })
    .await;
    let stats = pool.shutdown().await.expect("it stops");
    assert_eq!((stats.panicked, stats.failed), (10, 10));
    assert_eq!(stats.running, 0, "no worker is thought to be at it still");
}

/// B40: the original waited 30 s for each idle worker. Here a pool that is idle stops in under a
/// second, with several tenants too.
pub(crate) async fn idle_workers_stop_at_once<F: Fixture>(f: F) {
    let queue = queue(f.broker().await);
    let begun = Begun::default();
    for tenant in ["a", "b", "c"] {
        let task = queue.task().payload(tenant.to_owned()).tenant(tenant);
        queue.submit(task).await.expect("it is taken");
    }
    let pool = queue.workers(8).look_every(OFTEN).start(begun.handler());
    let pool = pool.await.expect("it starts");
    until("three are done", PATIENCE, || async {
        pool.stats().done == 3
    })
    .await;
    let began = Instant::now();
    pool.set_workers(1).expect("a sensible number");
    let stats = pool.shutdown().await.expect("it stops");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "idle, it took {took:?}");
    assert_eq!((stats.workers, stats.topics, stats.done), (1, 0, 3));
}

/// B41, B42: in the original a worker that was removed took its totals along, and one that was added
/// was not running yet. Here a pool runs when its start returns, workers can be added and removed,
/// and what they did stays counted.
pub(crate) async fn workers_can_be_added_and_removed<F: Fixture>(f: F) {
    let queue = queue(f.broker().await);
    let gate = Arc::new(Semaphore::new(0));
    let running = Arc::new(AtomicUsize::new(0));
    let (held, active) = (gate.clone(), running.clone());
    let pool = queue.workers(1).start(move |_: Job| {
        let (held, active) = (held.clone(), active.clone());
        async move {
            active.fetch_add(1, Ordering::SeqCst);
            held.acquire().await?.forget();
            active.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let pool = pool.await.expect("it starts");
    assert!(pool.is_running());
    assert_eq!(pool.topics().len(), 1, "it is subscribed");
    submit_all(&queue, (0..40).map(|n| n.to_string())).await;
    let running_is = async |n: usize| {
        until(&format!("{n} tasks run"), PATIENCE, || async {
            running.load(Ordering::SeqCst) == n
        })
        .await;
    };
    running_is(1).await;
    pool.set_workers(6).expect("a sensible number");
    running_is(6).await;
    pool.set_workers(2).expect("a sensible number");
    gate.add_permits(6);
    running_is(2).await;
    until("six are done", PATIENCE, || async {
        pool.stats().done == 6
    })
    .await;
    assert_eq!(done_by_each(&pool).len(), 6, "workers that are gone count");
    gate.add_permits(34);
    until("all are done", PATIENCE, || async {
        pool.stats().done == 40
    })
    .await;
    assert_eq!(pool.stats().workers, 2);
    assert_eq!(done_by_each(&pool).iter().sum::<u64>(), 40);
    assert!(pool.set_workers(0).is_err());
    let stats = pool.shutdown().await.expect("it stops");
    assert_eq!(stats.done, 40);
}

fn done_by_each(pool: &WorkerPool) -> Vec<u64> {
    pool.worker_stats().iter().map(|w| w.done).collect()
}

/// Handlers that block their thread do not block the event loop: as many as there are workers block
/// at the same time, on more threads than the runtime has.
pub(crate) async fn blocking_handlers_are_off_the_event_loop<F: Fixture>(f: F) {
    let broker: Arc<dyn Broker> = f.broker().await;
    let queue = queue(broker);
    let together = Arc::new(std::sync::Barrier::new(6));
    let meeting = together.clone();
    let starting = queue.workers(6).start_blocking(move |job: Job| {
        // Passed only when six are here at once.
        meeting.wait();
        job.progress_blocking(0.5, "")?;
        assert!(job.attempt() > 1 || job.payload() != "panics", "it does");
        Ok(())
    });
    let pool = starting.await.expect("it starts");
    let payload = |n| if n == 0 { "panics" } else { "works" }.to_owned();
    submit_all(&queue, (0..6).map(payload)).await;
    until("five are done", PATIENCE, || async {
        pool.stats().done == 5
    })
    .await;
    // The sixth comes again, with five others.
    submit_all(&queue, (1..6).map(payload)).await;
    until("eleven are done", PATIENCE, || async {
        pool.stats().done == 11
    })
    .await;
    let stats = pool.shutdown().await.expect("it stops");
    assert_eq!((stats.panicked, stats.failed), (1, 1));
}
