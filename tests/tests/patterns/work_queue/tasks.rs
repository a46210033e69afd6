//! What becomes of tasks.

use glmsg_conformance::Fixture;
use glmsg_core::Priority;
use glmsg_faults::until;

use super::{Begun, OFTEN, PATIENCE, queue, submit_all};

/// Two pools share a queue: every task is done, and by one of them.
pub(crate) async fn every_task_is_done_once<F: Fixture>(f: F) {
    let begun = Begun::default();
    let queues = [queue(f.broker().await), queue(f.broker().await)];
    let mut pools = Vec::new();
    for queue in &queues {
        let pool = queue.workers(4).prefetch(8).start(begun.handler());
        pools.push(pool.await.expect("it starts"));
    }
    submit_all(&queues[0], (0..300).map(|n| format!("{n:03}"))).await;
    begun.are(300).await;
    let mut done = 0;
    for pool in pools {
        done += pool.shutdown().await.expect("it stops").done;
    }
    let mut all = begun.all();
    all.sort();
    let expected: Vec<_> = (0..300).map(|n| format!("{n:03}")).collect();
    assert_eq!(all, expected);
    assert_eq!(done, 300);
    let lag = queues[1].lag().await.expect("the lag");
    assert_eq!(lag.iter().map(|t| t.lag.total()).sum::<u64>(), 0);
}

/// More urgent tasks are begun first.
pub(crate) async fn urgent_tasks_come_first<F: Fixture>(f: F) {
    assert!(F::capability().priorities, "every backend has priorities");
    let queue = queue(f.broker().await);
    for (priority, name) in [(Priority::Low, "low"), (Priority::Critical, "critical")] {
        let task = |n: usize| queue.task().payload(format!("{name}-{n}"));
        let tasks = (0..5).map(|n| task(n).priority(priority));
        let tasks = queue.submit_batch(tasks.collect::<Vec<_>>()).await;
        assert!(tasks.expect("taken").iter().all(Result::is_ok));
    }
    let begun = Begun::default();
    let pool = queue.workers(1).start(begun.handler());
    let pool = pool.await.expect("it starts");
    begun.are(10).await;
    let first = &begun.all()[..5];
    assert!(
        first.iter().all(|task| task.starts_with("critical")),
        "{first:?}"
    );
    pool.shutdown().await.expect("it stops");
}

/// Tenants beyond the bound share topics, and all their tasks are done.
pub(crate) async fn tenants_beyond_the_bound_share<F: Fixture>(f: F) {
    let queue = queue(f.broker().await).max_tenants(2);
    for tenant in ["a", "b", "c", "d", "one with blanks"] {
        let task = queue.task().payload(tenant.to_owned()).tenant(tenant);
        queue.submit(task).await.expect("it is taken");
    }
    queue
        .submit(queue.task().payload("nobody's"))
        .await
        .expect("it is taken");
    let lag = queue.lag().await.expect("the lag");
    let topics: Vec<_> = lag.iter().map(|t| t.topic.to_string()).collect();
    let own = topics.iter().filter(|t| t.starts_with("tasks.t-"));
    assert_eq!(own.count(), 2, "{topics:?}");
    assert_eq!(lag.iter().map(|t| t.lag.total()).sum::<u64>(), 6);
    let begun = Begun::default();
    let pool = queue.workers(2).look_every(OFTEN).start(begun.handler());
    let pool = pool.await.expect("it starts");
    begun.are(6).await;
    let mut all = begun.all();
    all.sort();
    assert_eq!(all, ["a", "b", "c", "d", "nobody's", "one with blanks"]);
    until("all are acked", PATIENCE, || async {
        pool.stats().done == 6
    })
    .await;
    pool.shutdown().await.expect("it stops");
    assert!(queue.remove_tenant("a").await.expect("it is removed"));
    assert!(!queue.remove_tenant("a").await.expect("it is not there"));
}
