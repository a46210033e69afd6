//! Fair shares: one tenant's backlog does not hold up the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use glmsg_broker::Broker;
use glmsg_conformance::Fixture;
use glmsg_faults::until;
use glmsg_patterns::work_queue::{Job, Task, WorkQueue, WorkerPool};
use tokio::sync::Semaphore;

use super::{OFTEN, PATIENCE};

/// How long a task takes.
const EACH: Duration = Duration::from_millis(40);
const BACKLOG: usize = 10_000;

/// A queue whose workers count what they have done, of the tenant `big` and of the others.
struct Shop {
    queue: WorkQueue,
    big: Arc<AtomicUsize>,
    others: Arc<AtomicUsize>,
}

impl Shop {
    fn new(broker: Arc<dyn Broker>, name: &str) -> Self {
        Self {
            queue: WorkQueue::new(broker, name).expect("a valid name"),
            big: Arc::default(),
            others: Arc::default(),
        }
    }

    async fn open(&self) -> WorkerPool {
        let (big, others) = (self.big.clone(), self.others.clone());
        let builder = self.queue.workers(4).look_every(OFTEN);
        let pool = builder.start(move |job: Job| {
            let counter = match job.tenant() {
                Some("big") => big.clone(),
                _ => others.clone(),
            };
            async move {
                tokio::time::sleep(EACH).await;
                counter.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        });
        pool.await.expect("it starts")
    }

    async fn submit(&self, tasks: impl Iterator<Item = Task>) {
        let submitted = self.queue.submit_batch(tasks.collect::<Vec<_>>()).await;
        let submitted = submitted.expect("the batch is taken");
        assert!(submitted.iter().all(Result::is_ok), "all are taken");
    }

    /// Nine tenants come with ten tasks each; how long until all are done.
    async fn serve_nine(&self) -> Duration {
        let began = Instant::now();
        let task = |n: usize| self.queue.task().tenant(format!("small-{}", n % 9));
        self.submit((0..90).map(task)).await;
        until("the nine are served", PATIENCE, || async {
            self.others.load(Ordering::SeqCst) == 90
        })
        .await;
        began.elapsed()
    }
}

/// With one tenant holding 10 000 queued tasks and nine holding ten each, the nine finish within twice
/// the time they need alone.
pub(crate) async fn a_backlog_holds_up_nobody_else<F: Fixture>(f: F) {
    let alone = Shop::new(f.broker().await, "alone");
    let pool = alone.open().await;
    let took_alone = alone.serve_nine().await;
    pool.shutdown().await.expect("it stops");

    let busy = Shop::new(f.broker().await, "busy");
    for _ in 0..BACKLOG / 1000 {
        let task = |_| busy.queue.task().tenant("big");
        busy.submit((0..1000).map(task)).await;
    }
    let pool = busy.open().await;
    until("the backlog is worked at", PATIENCE, || async {
        busy.big.load(Ordering::SeqCst) >= 8
    })
    .await;
    let before = busy.big.load(Ordering::SeqCst);
    let took = busy.serve_nine().await;
    let meanwhile = busy.big.load(Ordering::SeqCst) - before;
    println!(
        "nine tenants: alone {took_alone:?}, beside {BACKLOG} tasks of another {took:?}, who had {meanwhile} done"
    );
    assert!(
        took <= 2 * took_alone,
        "alone {took_alone:?}, beside a backlog {took:?}"
    );
    assert!(meanwhile > 0, "the one with the backlog is not starved");
    pool.shutdown().await.expect("it stops");
}

/// A tenant with a larger share has more turns.
pub(crate) async fn a_larger_share_is_more_turns<F: Fixture>(f: F) {
    let queue = WorkQueue::new(f.broker().await, "shares").expect("a valid name");
    for tenant in ["gold", "plain"] {
        let task = |_| queue.task().tenant(tenant);
        let tasks: Vec<_> = (0..200).map(task).collect();
        let submitted = queue.submit_batch(tasks).await.expect("taken");
        assert!(submitted.iter().all(Result::is_ok));
    }
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let gate = Arc::new(Semaphore::new(0));
    let (counted, held) = (counts.clone(), gate.clone());
    let builder = queue.workers(1).share("gold", 3);
    let pool = builder.start(move |job: Job| {
        let (counted, held) = (counted.clone(), held.clone());
        async move {
            drop(held.acquire().await?);
            let which = usize::from(job.tenant() == Some("plain"));
            counted[which].fetch_add(1, Ordering::SeqCst);
            // So that the other tenant's task is there when the next turn is given.
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(())
        }
    });
    let pool = pool.await.expect("it starts");
    until("tasks of both are here", PATIENCE, || async {
        let lags = queue.lag().await.expect("it is known");
        lags.iter().filter(|of| of.lag.in_flight > 0).count() == 2
    })
    .await;
    gate.add_permits(1);
    until("gold is done", PATIENCE, || async {
        counts[0].load(Ordering::SeqCst) == 200
    })
    .await;
    let plain = counts[1].load(Ordering::SeqCst);
    println!("while gold had 200 turns, plain had {plain}");
    assert!((30..=110).contains(&plain), "about a third: {plain}");
    pool.shutdown().await.expect("it stops");
}
