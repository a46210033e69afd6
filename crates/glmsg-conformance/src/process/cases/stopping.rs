//! SIGTERM: a stop in good order.

use std::time::Duration;

use crate::Fixture;
use crate::messages::{ids, lag, numbered, store};
use crate::patience::until;
use crate::process::ledger::What;
use crate::process::plan::{Plan, Role};
use crate::process::stage::Stage;

/// A worker that is told to stop with a full buffer finishes what runs and gives back the rest at
/// once: nothing is stranded, nothing waits for a lease, nothing is counted or handled twice.
///
/// Promise 15
pub async fn a_stopped_worker_strands_nothing<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let messages = numbered(200);
    store(&broker, &messages).await;
    // No lease ends before the case does: whatever was stranded would be missed.
    let lease = Duration::from_secs(3600);
    let plan = Plan {
        workers: 2,
        lease,
        ..stage.plan(Role::Hold)
    };
    let mut full = stage.start(&plan);
    full.take(What::Begun, 2).await;
    until("the worker's buffer to fill", || async {
        lag(&broker, "g").await.in_flight >= 64
    })
    .await;
    full.stop().await;
    let now = lag(&broker, "g").await;
    let finished = stage.events(What::Done).len();
    let left = 200 - finished;
    assert_eq!(now.in_flight, 0, "nothing waits for a lease");
    assert_eq!(now.total(), left as u64, "{finished} were finished");
    let mut heir = stage.start(&Plan {
        lease,
        ..stage.plan(Role::Handle)
    });
    heir.take(What::Done, left).await;
    heir.stop().await;
    let done = stage.events(What::Done);
    assert_eq!(done.len(), 200, "nothing was handled twice");
    assert!(done.iter().all(|event| event.attempt == 1), "nor counted");
    assert_eq!(stage.done(), ids(&messages).into_iter().collect());
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// A worker that waits for messages stops when it is told to.
///
/// Promise 15
pub async fn an_idle_worker_stops_when_told<F: Fixture>(stage: Stage<F>) {
    let mut idle = stage.start_as(Role::Handle);
    idle.next(What::Ready).await;
    idle.stop().await;
    assert_eq!(stage.events(What::Stopped).len(), 1, "it ended by itself");
}
