//! Several processes on one store.

use std::collections::HashSet;
use std::time::Duration;

use crate::Fixture;
use crate::messages::{ids, lag, message, numbered, store};
use crate::patience::{until, within};
use crate::process::ledger::What;
use crate::process::plan::{Plan, Role};
use crate::process::stage::Stage;

/// Two processes of one group share its messages, and handle each once.
///
/// Promise 4
pub async fn two_processes_share_a_group<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let plan = Plan {
        prefetch: 4,
        // Nothing is to come again, however slow the machine is.
        lease: Duration::from_secs(60),
        ..stage.plan(Role::Handle)
    };
    let (mut one, mut two) = (stage.start(&plan), stage.start(&plan));
    one.next(What::Ready).await;
    two.next(What::Ready).await;
    let pids = HashSet::from([one.pid(), two.pid()]);
    let at_work = || -> HashSet<_> {
        let done = stage.events(What::Done);
        done.iter().map(|event| event.pid).collect()
    };
    let mut messages = numbered(500);
    for part in messages.chunks(10) {
        store(&broker, part).await;
    }
    // A worker may be given its part of the group only when the other has begun.
    within("both processes to have a share", async {
        while at_work() != pids {
            let more = numbered(10);
            store(&broker, &more).await;
            messages.extend(more);
        }
    })
    .await;
    until("everything to be acked", || async {
        lag(&broker, "g").await.total() == 0
    })
    .await;
    one.stop().await;
    two.stop().await;
    let done = stage.events(What::Done);
    assert_eq!(done.len(), messages.len(), "each handled once");
    assert_eq!(stage.done(), ids(&messages).into_iter().collect());
    assert!(done.iter().all(|event| event.attempt == 1));
}

/// A worker that waits is woken by a publish in another process, every time.
///
/// Promise 1
pub async fn a_publish_wakes_another_process<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let mut waiting = stage.start_as(Role::Handle);
    waiting.next(What::Ready).await;
    for n in 0..20 {
        let sent = message(&format!("wake up {n}"));
        store(&broker, std::slice::from_ref(&sent)).await;
        assert_eq!(waiting.next(What::Done).await.id, sent.id());
    }
    waiting.stop().await;
}
