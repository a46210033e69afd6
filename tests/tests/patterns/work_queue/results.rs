//! Progress and results, for who submitted and for others.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{HandlerError, RetryPolicy};
use glmsg_conformance::Fixture;
use glmsg_core::{DeadLetterReason, ErrorKind};
use glmsg_faults::until;
use glmsg_patterns::work_queue::{Job, TaskEnd, TaskRef, TaskState};
use tokio::sync::Semaphore;

use super::{PATIENCE, queue};

const KEPT: Duration = Duration::from_secs(3600);

/// Where the backend has no storage, a task whose result is to be kept is refused, and not stored.
/// `true` where it has.
async fn has_storage<F: Fixture>(f: &F) -> bool {
    if F::capability().storage {
        return true;
    }
    let queue = queue(f.broker().await);
    let refused = queue.submit(queue.task().keep_result(KEPT)).await;
    let refused = refused.expect_err("no result can be kept");
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let lag = queue.lag().await.expect("the lag");
    assert_eq!(lag.iter().map(|t| t.lag.total()).sum::<u64>(), 0);
    false
}

/// Who holds a task's reference sees its progress and gets its result, also by another handle and
/// from text; a result can be read again.
pub(crate) async fn progress_and_results_can_be_awaited<F: Fixture>(f: F) {
    if !has_storage(&f).await {
        return;
    }
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let submitter = queue(f.broker().await);
    let pool = queue(f.broker().await).workers(2).start(move |job: Job| {
        let held = held.clone();
        async move {
            let numbers: Vec<u32> = job.decode()?;
            job.progress(0.5, "half of it").await?;
            held.acquire().await?.forget();
            Ok(job.output().json(&numbers.iter().sum::<u32>()))
        }
    });
    let pool = pool.await.expect("it starts");
    let task = submitter.task().with(|m| m.json(&[1, 2, 39]));
    let task = task.tenant("acme").keep_result(KEPT);
    let task = submitter.submit(task).await.expect("it is taken");
    let told: TaskRef = task.to_string().parse().expect("its own text");
    assert_eq!(told, task);
    let other = queue(f.broker().await);
    until("half of it is done", PATIENCE, || async {
        other.status(&told).await.expect("a status").progress == 0.5
    })
    .await;
    let status = other.status(&told).await.expect("a status");
    assert_eq!((status.state, status.attempt), (TaskState::Running, 1));
    assert_eq!(status.note, "half of it");
    let early = other.result(&told, Duration::from_millis(20)).await;
    assert_eq!(early.expect_err("not yet").kind(), ErrorKind::Timeout);
    gate.add_permits(1);
    for _ in 0..2 {
        match other.result(&told, PATIENCE).await.expect("a result") {
            TaskEnd::Done(output) => assert_eq!(output.decode::<u32>().expect("a number"), 42),
            dead @ TaskEnd::Dead(_) => panic!("{dead:?}"),
        }
    }
    let status = submitter.status(&task).await.expect("a status");
    assert_eq!((status.state, status.progress), (TaskState::Done, 1.0));
    pool.shutdown().await.expect("it stops");
}

/// Who waits for a task that fails for good is told so, with why.
pub(crate) async fn a_dead_task_is_told<F: Fixture>(f: F) {
    if !has_storage(&f).await {
        return;
    }
    let queue = queue(f.broker().await);
    let retry = RetryPolicy::fixed(Duration::ZERO);
    let pool = queue.workers(2).retry(retry).start(|job: Job| async move {
        match job.payload().as_ref() {
            b"panics" => panic!("as it was told to"),
            _ => Err::<(), _>(HandlerError::retry("no paper")),
        }
    });
    let pool = pool.await.expect("it starts");
    for (payload, why) in [("fails", "no paper"), ("panics", "as it was told to")] {
        let task = queue.task().payload(payload).with(|m| m.max_retries(1));
        let task = queue.submit(task.keep_result(KEPT)).await;
        let task = task.expect("it is taken");
        match queue.result(&task, PATIENCE).await.expect("an end") {
            TaskEnd::Dead(dead) => {
                assert_eq!(dead.reason, DeadLetterReason::MaxRetries);
                assert_eq!(dead.attempts, 2);
            }
            done @ TaskEnd::Done(_) => panic!("{done:?}"),
        }
        let status = queue.status(&task).await.expect("a status");
        assert_eq!((status.state, status.attempt), (TaskState::Dead, 2));
        assert!(status.note.contains(why), "{}", status.note);
    }
    pool.shutdown().await.expect("it stops");
}
