//! Handlers that fail, panic, or take their process with them.

use glmsg_core::{AttemptOutcome, DeadLetterReason};

use crate::Fixture;
use crate::messages::{
    build, builder, dead_letters, ids, lag, message, numbered, only_dead_letter, store,
};
use crate::patience::until;
use crate::process::ledger::What;
use crate::process::plan::{Plan, Role};
use crate::process::stage::Stage;

/// A message that aborts every process that handles it is delivered exactly as often as it allows,
/// then is a dead letter. Messages that were prefetched with it, or handled beside it, are handled
/// and not given up with it.
///
/// Promise 5
pub async fn a_message_that_aborts_its_process_is_dead_lettered<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let bystanders = numbered(20);
    let poison = build(builder("poison").max_retries(2));
    store(&broker, &bystanders[..5]).await;
    store(&broker, std::slice::from_ref(&poison)).await;
    store(&broker, &bystanders[5..]).await;
    let plan = Plan {
        workers: 2,
        ..stage.plan(Role::Abort)
    };
    let mut starts = 0;
    loop {
        starts += 1;
        assert!(starts < 15, "the poison is still killing workers");
        let mut worker = stage.start(&plan);
        tokio::select! {
            ended = worker.exit() => assert!(!ended.success(), "it ended by itself: {ended}"),
            () = until("a worker to survive and finish everything, or to die", || async {
                lag(&broker, "g").await.total() == 0
            }) => {
                worker.stop().await;
                break;
            }
        }
    }
    let begun = stage.events(What::Begun);
    let attempts: Vec<_> = begun
        .iter()
        .filter(|event| event.id == poison.id())
        .map(|event| event.attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 3], "delivered to a handler as allowed");
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!((dead.id, dead.attempts), (poison.id(), 3));
    assert_eq!(dead.reason, DeadLetterReason::MaxRetries);
    let outcomes: Vec<_> = dead.history.attempts().iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::LeaseExpired; 3]);
    assert_eq!(stage.done(), ids(&bystanders).into_iter().collect());
}

/// A handler that panics fails its message and leaves its process at work.
///
/// Promise 5
pub async fn a_panicking_handler_does_not_end_its_process<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let poison = build(builder("poison").max_retries(1));
    store(&broker, std::slice::from_ref(&poison)).await;
    store(&broker, &numbered(10)).await;
    let mut worker = stage.start_as(Role::Panic);
    worker.take(What::Done, 10).await;
    until("the dead letter", || async {
        dead_letters(&broker, "g").await.len() == 1
    })
    .await;
    worker.stop().await;
    let dead = only_dead_letter(&broker, "g").await;
    let outcomes: Vec<_> = dead.history.attempts().iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Panicked; 2]);
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// Messages whose handler always fails are tried as often as they allow and are then dead letters,
/// all of them, also when the process is killed in between.
///
/// Promise 5
pub async fn a_failing_handler_loses_nothing<F: Fixture>(stage: Stage<F>) {
    let broker = stage.broker().await;
    let messages = numbered(20);
    store(&broker, &messages).await;
    let mut victim = stage.start_as(Role::Fail);
    victim.take(What::Begun, 30).await;
    victim.kill().await;
    // It may have been killed late. There is something left for the other to do, who can be told to stop from then on.
    store(&broker, &[message("the last")]).await;
    let heir = stage.start_as(Role::Fail);
    until("all dead letters", || async {
        dead_letters(&broker, "g").await.len() == 21
    })
    .await;
    heir.stop().await;
    for dead in dead_letters(&broker, "g").await {
        assert_eq!(
            (dead.reason, dead.attempts),
            (DeadLetterReason::MaxRetries, 4)
        );
    }
    assert_eq!(lag(&broker, "g").await.total(), 0);
}
