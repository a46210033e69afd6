//! What operators see and do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use glmsg_broker::{HandlerError, Storage as _, StorageKey};
use glmsg_conformance::Fixture;
use glmsg_core::ErrorKind;
use glmsg_patterns::saga::{
    SagaDefinition, SagaError, SagaId, SagaQuery, SagaRunner, SagaStatus, SagaStore, Step,
    StepContext, StepStatus,
};

use super::{Done, at_once, built, compensated, in_time, open, parked, refusing};

async fn store<F: Fixture>(f: &F) -> SagaStore {
    SagaStore::open(&f.broker().await).await.unwrap()
}

/// B50: a compensation that fails is tried again, and then waits for somebody, visibly.
pub(crate) async fn a_compensation_that_keeps_failing_parks_the_saga_until_asked<F: Fixture>(f: F) {
    let (done, is_mended, tries) = (
        Done::default(),
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let (mended, tried, undo) = (is_mended.clone(), tries.clone(), done.clone());
    let sticky = Step::new("sticky", async |_: StepContext| Ok(1))
        .compensate(move |ctx: StepContext, output: Option<i32>| {
            tried.fetch_add(1, Ordering::SeqCst);
            let is_mended = mended.load(Ordering::SeqCst);
            assert_eq!(
                ctx.idempotency_key(),
                format!("{}/sticky/undo", ctx.saga_id())
            );
            if is_mended {
                undo.say(format!("undo sticky: {output:?}"));
            }
            async move {
                match is_mended {
                    true => Ok(()),
                    false => Err(HandlerError::retry("stuck\u{7}")),
                }
            }
        })
        .compensation_retry(at_once(3));
    let saga = SagaDefinition::new("s", 1)
        .step(done.step("a"))
        .step(sticky)
        .step(refusing("c"));
    let runner = built(
        &f,
        SagaRunner::builder()
            .register(saga)
            .poll(Duration::from_millis(20)),
    )
    .await;
    let view = parked(runner.execute("s", &()).await);
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    assert_eq!(
        view.reason.as_deref(),
        Some("step c failed: refused; parked: the compensation of sticky keeps failing: stuck ")
    );
    assert_eq!(view.steps[1].compensation_attempts, 3);
    assert_eq!(view.steps[1].status(), StepStatus::Compensating);
    // In order: what came before it is not undone before it is.
    assert_eq!(done.all(), ["a"]);
    parked(runner.resume(&view.id).await);

    let store = store(&f).await;
    let listed = store
        .list(&SagaQuery::default().status(SagaStatus::Parked))
        .await
        .unwrap();
    assert_eq!(
        listed.sagas.iter().map(|s| &s.id).collect::<Vec<_>>(),
        [&view.id]
    );

    // Asked for while it is not mended, it is parked again.
    let service = runner.serve();
    store.resume(&view.id, "perhaps").await.unwrap();
    let storage = f.broker().await.open_storage().await.unwrap();
    let log = StorageKey::new(format!("saga/journal/{}", view.id)).unwrap();
    let parked_again = async {
        loop {
            let now = store.get(&view.id).await.unwrap().unwrap();
            if tries.load(Ordering::SeqCst) == 6 && now.status == SagaStatus::Parked {
                return;
            }
            storage
                .wait(&log, now.journal_version, super::PATIENCE)
                .await
                .unwrap();
        }
    };
    in_time(parked_again).await;
    is_mended.store(true, Ordering::SeqCst);
    let asked = store.compensate(&view.id, "mended").await.unwrap();
    assert_eq!(asked.status, SagaStatus::Compensating);
    let view = compensated(in_time(runner.resume(&view.id)).await);
    assert_eq!(view.reason.as_deref(), Some("step c failed: refused"));
    assert_eq!(
        done.all(),
        ["a", "undo sticky: Some(1)", "undo a: made by a"]
    );
    service.stop().await;
    let refused = store.resume(&view.id, "").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let missing = SagaId::new("nobody").unwrap();
    let missing = store.resume(&missing, "").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

pub(crate) async fn a_saga_stays_on_the_version_it_began_with<F: Fixture>(f: F) {
    let version = |number: u32, done: &Done| {
        let saga = SagaDefinition::new("s", number);
        match number {
            1 => saga.step(done.step("old")).step(done.step("older")),
            _ => saga.step(done.step("new")),
        }
    };
    let done = Done::default();
    let old = open(&f, version(1, &done)).await;
    let id = SagaId::new("began-on-1").unwrap();
    assert!(old.start(&id, "s", &()).await.unwrap());
    assert!(!old.start(&id, "s", &()).await.unwrap(), "it is there");
    // Who has not its version refuses, and leaves it alone.
    let new = open(&f, version(2, &done)).await;
    match new.resume(&id).await {
        Err(error @ SagaError::NotRegistered { .. }) => {
            let text = error.to_string();
            assert!(
                text.contains("\"s\" of version 1") && text.contains("only [2]"),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        new.execute("t", &()).await,
        Err(SagaError::NotRegistered { .. })
    ));
    // The same version with other steps is not what it began with.
    let bent = open(&f, SagaDefinition::new("s", 1).step(done.step("old"))).await;
    assert!(matches!(
        bent.resume(&id).await,
        Err(SagaError::NotRegistered { .. })
    ));
    assert_eq!(done.all(), [""; 0]);
    let builder = SagaRunner::builder()
        .register(version(2, &done))
        .register(version(1, &done));
    let both = built(&f, builder).await;
    both.resume(&id).await.unwrap();
    assert_eq!(done.all(), ["old", "older"]);
    both.execute("s", &()).await.unwrap();
    assert_eq!(done.all(), ["old", "older", "new"]);

    let twice = SagaRunner::builder()
        .register(version(1, &done))
        .register(version(1, &done));
    let refused = twice.open(&f.broker().await).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    for wrong in [
        SagaDefinition::new("s", 1),
        SagaDefinition::new("no name", 1).step(done.step("a")),
        SagaDefinition::new("s", 1)
            .step(done.step("a"))
            .step(done.step("a")),
    ] {
        let refused = SagaRunner::builder()
            .register(wrong)
            .open(&f.broker().await)
            .await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}

pub(crate) async fn sagas_are_listed_by_status_and_name_page_by_page<F: Fixture>(f: F) {
    let done = Done::default();
    let builder = SagaRunner::builder()
        .register(SagaDefinition::new("good", 1).step(done.step("a")))
        .register(
            SagaDefinition::new("bad", 1)
                .step(done.step("a"))
                .step(refusing("b")),
        );
    let runner = built(&f, builder).await;
    for number in 0..3 {
        let id = |name: &str| SagaId::new(format!("{number}-{name}")).unwrap();
        runner.execute_as(&id("bad"), "bad", &()).await.unwrap_err();
        runner.execute_as(&id("good"), "good", &()).await.unwrap();
        runner.start(&id("waiting"), "good", &()).await.unwrap();
    }
    let store = store(&f).await;
    let list = async |query: SagaQuery| {
        let page = store.list(&query).await.unwrap();
        let ids: Vec<String> = page.sagas.iter().map(|saga| saga.id.to_string()).collect();
        (ids.join(" "), page.next)
    };
    let all = || SagaQuery::default();
    let (first, next) = list(all().limit(4)).await;
    assert_eq!(first, "0-bad 0-good 0-waiting 1-bad");
    let (rest, next) = list(all().limit(5).after(next)).await;
    assert_eq!(rest, "1-good 1-waiting 2-bad 2-good 2-waiting");
    assert_eq!(next, None);
    let waiting = list(all().status(SagaStatus::Running)).await;
    assert_eq!(waiting, ("0-waiting 1-waiting 2-waiting".to_owned(), None));
    let (bad, _) = list(all().status(SagaStatus::Compensated)).await;
    assert_eq!(bad, "0-bad 1-bad 2-bad");
    let (good, _) = list(all().name("good").status(SagaStatus::Completed)).await;
    assert_eq!(good, "0-good 1-good 2-good");

    // What has ended is removed when its time is over; what runs never is.
    assert_eq!(store.purge(Duration::from_secs(3600)).await.unwrap(), 0);
    assert_eq!(store.purge(Duration::ZERO).await.unwrap(), 6);
    assert_eq!(list(all()).await.0, "0-waiting 1-waiting 2-waiting");
}
