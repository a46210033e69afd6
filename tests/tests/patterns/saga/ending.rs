//! How sagas end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use glmsg_broker::HandlerError;
use glmsg_conformance::Fixture;
use glmsg_core::ErrorKind;
use glmsg_patterns::saga::{
    SagaDefinition, SagaError, SagaId, SagaStatus, Step, StepContext, StepStatus,
};
use tokio::sync::Notify;

use super::{Done, at_once, compensated, in_time, open, refusing};

pub(crate) async fn steps_run_in_order_and_hand_on_what_they_return<F: Fixture>(f: F) {
    let double = Step::new("double", async |ctx: StepContext| {
        let input: u64 = ctx.input()?;
        assert_eq!(
            ctx.output::<u64>("sum").unwrap_err().kind(),
            ErrorKind::NotFound
        );
        Ok(input * 2)
    });
    let sum = Step::new("sum", async |ctx: StepContext| {
        assert!(ctx.output::<String>("double").is_err(), "it is a number");
        assert_eq!(ctx.idempotency_key(), format!("{}/sum", ctx.saga_id()));
        Ok((ctx.output::<u64>("double")?, ctx.attempt()))
    });
    let nothing = Step::new("nothing", async |_: StepContext| Ok(()));
    let saga = SagaDefinition::new("count", 1)
        .step(double)
        .step(sum)
        .step(nothing);
    let runner = open(&f, saga).await;
    let ended = runner.execute("count", &21_u64).await.unwrap();
    assert_eq!(ended.output::<u64>("double").unwrap(), 42);
    assert_eq!(ended.output::<(u64, u32)>("sum").unwrap(), (42, 1));
    ended.output::<()>("nothing").unwrap();
    let view = runner.store().get(&ended.id).await.unwrap().unwrap();
    assert_eq!(
        (view.status, view.name.as_str(), view.version),
        (SagaStatus::Completed, "count", 1)
    );
    let kinds: Vec<String> = kinds(&runner, &ended.id).await;
    assert_eq!(
        kinds.join(" "),
        "started claimed step-started step-done step-started step-done step-started step-done completed"
    );
    // Asked for again by its id, it has ended and does nothing more.
    let id = SagaId::new("order-17").unwrap();
    let first = runner.execute_as(&id, "count", &1_u64).await.unwrap();
    let again = runner.execute_as(&id, "count", &1_u64).await.unwrap();
    assert_eq!(first, again);
    match runner.execute_as(&id, "count", &5_u64).await {
        Err(SagaError::Other(error)) => assert_eq!(error.kind(), ErrorKind::Conflict),
        other => panic!("another input under its id: {other:?}"),
    }
    let missing = SagaId::new("nobody").unwrap();
    match runner.resume(&missing).await {
        Err(SagaError::Other(error)) => assert_eq!(error.kind(), ErrorKind::NotFound),
        other => panic!("{other:?}"),
    }
}

async fn kinds(runner: &glmsg_patterns::saga::SagaRunner, id: &SagaId) -> Vec<String> {
    let journal = runner.store().journal(id).await.unwrap();
    let kind =
        |line: &glmsg_patterns::saga::JournalLine| line.entry["entry"].as_str().unwrap().to_owned();
    journal.iter().map(kind).collect()
}

/// B48 and B50: a step that returns nothing is undone like any other; each is undone with its own
/// output; the error tells what failed, and how each compensation went.
pub(crate) async fn what_was_done_is_undone_in_reverse_with_its_own_output<F: Fixture>(f: F) {
    let done = Done::default();
    let (silent, undone) = (done.clone(), done.clone());
    let silent = Step::new("b", move |_: StepContext| {
        silent.say("b");
        async { Ok(()) }
    })
    .compensate(move |_, output: Option<()>| {
        undone.say(format!("undo b: {output:?}"));
        async { Ok(()) }
    });
    let log_only = done.clone();
    let uncompensated = Step::new("c", move |_: StepContext| {
        log_only.say("c");
        async { Ok(7) }
    });
    let saga = SagaDefinition::new("s", 1)
        .step(done.step("a"))
        .step(silent)
        .step(uncompensated)
        .step(done.step("d"))
        .step(refusing("e"))
        .step(done.step("f"));
    let runner = open(&f, saga).await;
    let view = compensated(runner.execute("s", "in").await);
    let expected = [
        "a",
        "b",
        "c",
        "d",
        "undo d: made by d",
        "undo b: Some(())",
        "undo a: made by a",
    ];
    assert_eq!(done.all(), expected);
    assert_eq!(view.reason.as_deref(), Some("step e failed: refused"));
    let status: Vec<_> = view.steps.iter().map(|step| step.status()).collect();
    use StepStatus::{Compensated, Done as IsDone, Failed, Pending};
    assert_eq!(
        status,
        [
            Compensated,
            Compensated,
            IsDone,
            Compensated,
            Failed,
            Pending
        ]
    );
    assert_eq!(view.steps[4].error.as_deref(), Some("refused"));
    let error = glmsg_core::Error::from(SagaError::Compensated(view));
    assert!(
        error.to_string().contains("step e failed: refused"),
        "{error}"
    );
}

pub(crate) async fn a_step_is_tried_again_as_its_policy_says<F: Fixture>(f: F) {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = tries.clone();
    let flaky = Step::new("flaky", move |ctx: StepContext| {
        let tried = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            assert_eq!(ctx.attempt(), tried);
            match tried {
                1 => Err(HandlerError::retry("not yet")),
                2 => panic!("worse"),
                _ => Ok(tried),
            }
        }
    })
    .retry(at_once(3));
    let done = Done::default();
    let failing = Step::new("failing", async |_: StepContext| {
        Err::<(), _>(HandlerError::retry("never"))
    })
    .retry(at_once(5));
    let saga = SagaDefinition::new("s", 1)
        .step(done.step("a"))
        .step(flaky)
        .step(failing);
    let runner = open(&f, saga).await;
    let view = compensated(runner.execute("s", &()).await);
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    let attempts: Vec<_> = view.steps.iter().map(|step| step.attempts).collect();
    assert_eq!(attempts, [1, 3, 5]);
    assert_eq!(view.reason.as_deref(), Some("step failing failed: never"));
    assert_eq!(done.all(), ["a", "undo a: made by a"]);
}

/// A step that says by itself that it failed did nothing; of one that was cut off nobody knows.
pub(crate) async fn what_is_in_doubt_is_undone_without_an_output<F: Fixture>(f: F) {
    let endless = |done: &Done, name: &'static str| {
        let (done, undo) = (done.clone(), done.clone());
        Step::new(name, move |_: StepContext| {
            done.say(name);
            std::future::pending::<Result<(), HandlerError>>()
        })
        .compensate(move |_, output: Option<()>| {
            undo.say(format!("undo {name}: {output:?}"));
            async { Ok(()) }
        })
        .retry(at_once(1))
    };
    // A step's time is over.
    let done = Done::default();
    let slow = endless(&done, "slow").timeout(Duration::from_millis(50));
    let saga = SagaDefinition::new("slow", 1)
        .step(done.step("a"))
        .step(slow);
    let view = compensated(open(&f, saga).await.execute("slow", &()).await);
    assert_eq!(
        done.all(),
        ["a", "slow", "undo slow: None", "undo a: made by a"]
    );
    assert_eq!(
        view.reason.as_deref(),
        Some("step slow failed: it took longer than 50ms")
    );

    // The saga's time is over.
    let done = Done::default();
    let saga = SagaDefinition::new("late", 1)
        .timeout(Duration::from_secs(2))
        .step(done.step("a"))
        .step(endless(&done, "slow"));
    let runner = open(&f, saga).await;
    let view = compensated(in_time(runner.execute("late", &())).await);
    let all = done.all();
    assert_eq!(
        all.last().map(String::as_str),
        Some("undo a: made by a"),
        "{all:?}"
    );
    let reason = view.reason.unwrap();
    assert!(reason.contains("time"), "{reason}");

    // B49: it is cancelled in the middle of a step.
    let done = Done::default();
    let begun = Arc::new(Notify::new());
    let (begin, undo) = (begun.clone(), done.clone());
    let hanging = Step::new("hanging", move |_: StepContext| {
        begin.notify_one();
        std::future::pending::<Result<u64, HandlerError>>()
    })
    .compensate(move |_, output: Option<u64>| {
        undo.say(format!("undo hanging: {output:?}"));
        async { Ok(()) }
    });
    let saga = SagaDefinition::new("hang", 1)
        .step(done.step("a"))
        .step(hanging);
    let runner = open(&f, saga).await;
    let id = SagaId::new("to-cancel").unwrap();
    let (running, run_id) = (runner.clone(), id.clone());
    let run = tokio::spawn(async move { running.execute_as(&run_id, "hang", &()).await });
    in_time(begun.notified()).await;
    // From elsewhere, by the journal alone.
    let store = glmsg_patterns::saga::SagaStore::open(&f.broker().await)
        .await
        .unwrap();
    store.compensate(&id, "the customer left").await.unwrap();
    let view = compensated(in_time(run).await.unwrap());
    assert_eq!(view.reason.as_deref(), Some("cancelled: the customer left"));
    assert_eq!(done.all(), ["a", "undo hanging: None", "undo a: made by a"]);
    let refused = store.compensate(&id, "again").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
}
