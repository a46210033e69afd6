//! A saga that is cut off before and after every write of its journal.

use std::collections::BTreeMap;
use std::time::Duration;

use glmsg_broker::BoxStorage;
use glmsg_conformance::Fixture;
use glmsg_patterns::saga::{JournalLine, SagaError, SagaId, SagaRunner, SagaStatus, SagaStore};
use glmsg_tests::saga::{Death, Effect, Mortal, STEPS, effects, run, runner};
use tokio::task::JoinSet;

use super::in_time;

/// The writes of a run that nobody cuts off.
pub(super) const fn writes(fails: bool) -> u32 {
    // Start and claim, two for each step, and the end; four compensations and why, if it fails.
    if fails {
        2 + 10 + 1 + 8 + 1
    } else {
        2 + 10 + 1
    }
}

/// Every point at which a run can be cut off.
pub(super) fn deaths() -> impl Iterator<Item = (bool, Death)> {
    [false, true].into_iter().flat_map(|fails| {
        (1..=writes(fails)).flat_map(move |write| {
            [false, true].map(move |is_after| (fails, Death { write, is_after }))
        })
    })
}

/// What was there when a run was cut off.
#[derive(Debug)]
pub(super) struct Before {
    journal: Vec<JournalLine>,
    effects: Vec<Effect>,
}

impl Before {
    pub(super) async fn see(storage: &BoxStorage, id: &SagaId) -> Self {
        let store = SagaStore::on(storage.clone());
        Self {
            journal: store.journal(id).await.expect("it is read"),
            effects: effects(storage, id).await,
        }
    }
}

/// The steps of journal entries of a kind, in order.
fn steps(journal: &[JournalLine], kind: &str) -> Vec<String> {
    let is_kind = |line: &&JournalLine| line.entry["entry"] == kind;
    let step = |line: &JournalLine| line.entry["step"].as_str().unwrap().to_owned();
    journal.iter().filter(is_kind).map(step).collect()
}

fn counted(steps: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for step in steps {
        *counts.entry(step).or_default() += 1;
    }
    counts
}

/// Each effect happened, or was compensated, exactly as the journal says; and nothing twice but what
/// was under way when the run was cut off.
pub(super) async fn check(storage: &BoxStorage, id: &SagaId, fails: bool, before: &Before) {
    let store = SagaStore::on(storage.clone());
    let (view, journal) = (
        store.get(id).await.unwrap().unwrap(),
        store.journal(id).await.unwrap(),
    );
    let all = effects(storage, id).await;
    let told = format!("{before:#?} and now {journal:#?} {all:#?}");
    let ended = if fails {
        SagaStatus::Compensated
    } else {
        SagaStatus::Completed
    };
    assert_eq!(view.status, ended, "{told}");
    assert!(
        journal.starts_with(&before.journal),
        "it only grows: {told}"
    );

    for (is_undo, started, done) in [
        (false, "step-started", "step-done"),
        (true, "compensation-started", "compensation-done"),
    ] {
        let of = |effects: &[Effect]| {
            let these = effects.iter().filter(|effect| effect.is_undo == is_undo);
            counted(these.map(|effect| effect.step.clone()))
        };
        let (now, then) = (of(&all), of(&before.effects));
        let (done_now, done_then) = (steps(&journal, done), steps(&before.journal, done));
        let begun_then = steps(&before.journal, started);
        let was_open = begun_then.iter().find(|step| {
            let ended = |step: &String| {
                let failed = done.replace("done", "failed");
                done_then.contains(step) || steps(&before.journal, &failed).contains(step)
            };
            !ended(step)
        });
        for step in STEPS.map(str::to_owned) {
            let (count, count_then) = (
                now.get(&step).copied().unwrap_or(0),
                then.get(&step).copied().unwrap_or(0),
            );
            // The journal says that it was done if and only if it was.
            assert_eq!(done_now.contains(&step), count > 0, "{step}: {told}");
            assert_eq!(
                done_now.iter().filter(|other| **other == step).count(),
                usize::from(count > 0)
            );
            // It was done once; again only where it was cut off, and nobody knew.
            let expected = match was_open == Some(&step) {
                true if count > 0 => count_then + 1,
                _ => usize::from(count > 0),
            };
            assert_eq!(count, expected, "{step}: {told}");
        }
        // Each effect of a step has the same key, and no other step has it.
        for effect in all.iter().filter(|effect| effect.is_undo == is_undo) {
            let undo = if is_undo { "/undo" } else { "" };
            assert_eq!(effect.key, format!("{id}/{}{undo}", effect.step));
        }
    }
    // What was done is undone, in reverse, each with its own output; nothing is where all went well.
    let undone = steps(&journal, "compensation-done");
    let mut expected: Vec<String> = Vec::new();
    if fails {
        let last = STEPS[4].to_owned();
        // Nobody knew whether the last had done anything, if it was cut off.
        let is_in_doubt = steps(&journal, "step-started")
            .iter()
            .filter(|s| **s == last)
            .count()
            > 1;
        expected.extend(is_in_doubt.then_some(last));
        expected.extend(STEPS[..4].iter().rev().map(|step| (*step).to_owned()));
    }
    assert_eq!(undone, expected, "{told}");
    for effect in all.iter().filter(|effect| effect.is_undo) {
        let output = (effect.step != STEPS[4]).then(|| format!("{} of {id}", effect.step));
        assert_eq!(effect.output, output, "{told}");
    }
    // Tokens only grow.
    assert!(
        all.windows(2).all(|pair| pair[0].fence <= pair[1].fence),
        "{told}"
    );
}

pub(super) fn is_as_it_must<T: std::fmt::Debug>(ended: Result<T, SagaError>, fails: bool) {
    match (ended, fails) {
        (Ok(_), false) | (Err(SagaError::Compensated(_)), true) => {}
        (other, _) => panic!("{other:?}"),
    }
}

/// Runs the saga up to where it is cut off.
async fn cut_off(storage: &BoxStorage, id: &SagaId, fails: bool, death: Death, lease: Duration) {
    let mortal = Mortal::new(storage.clone(), death, false);
    let gone = mortal.gone.clone();
    let doomed = runner(BoxStorage::new(mortal), storage, fails, lease);
    tokio::select! {
        () = gone.notified() => {}
        ended = run(&doomed, id) => panic!("{death:?} never came: {ended:?}"),
    }
}

async fn storage<F: Fixture>(f: &F) -> BoxStorage {
    let storage = f.broker().await.open_storage().await;
    storage.expect("the backend keeps sagas")
}

pub(crate) async fn a_saga_goes_on_wherever_it_was_cut_off<F: Fixture>(f: F) {
    // Without a death, to see that all writes are enumerated.
    let shared = storage(&f).await;
    for fails in [false, true] {
        let id = SagaId::new(format!("whole-{fails}")).unwrap();
        let whole = runner(shared.clone(), &shared, fails, Duration::from_secs(30));
        is_as_it_must(run(&whole, &id).await, fails);
        let journal = whole.store().journal(&id).await.unwrap();
        assert_eq!(journal.len(), writes(fails) as usize);
        let nothing = Before {
            journal: Vec::new(),
            effects: Vec::new(),
        };
        check(&shared, &id, fails, &nothing).await;
    }
    let mut points = JoinSet::new();
    for (number, (fails, death)) in deaths().enumerate() {
        let storage = shared.clone();
        points.spawn(async move {
            let id = SagaId::new(format!("cut-{number}")).unwrap();
            cut_off(&storage, &id, fails, death, F::soon() * 3).await;
            let before = Before::see(&storage, &id).await;
            let next = runner(storage.clone(), &storage, fails, Duration::from_secs(30));
            is_as_it_must(in_time(resumed(&next, &id, &before)).await, fails);
            check(&storage, &id, fails, &before).await;
        });
    }
    while let Some(point) = points.join_next().await {
        point.unwrap();
    }
}

/// By the journal, if there is one: else whoever asked for the saga asks again.
async fn resumed(
    runner: &SagaRunner,
    id: &SagaId,
    before: &Before,
) -> Result<glmsg_patterns::saga::SagaOutcome, SagaError> {
    match before.journal.is_empty() {
        true => run(runner, id).await,
        false => runner.resume(id).await,
    }
}

pub(crate) async fn two_that_resume_at_once_do_no_step_twice<F: Fixture>(f: F) {
    let shared = storage(&f).await;
    let mut points = JoinSet::new();
    for (number, (fails, death)) in deaths().enumerate() {
        let (storage, others) = (shared.clone(), [storage(&f).await, storage(&f).await]);
        points.spawn(async move {
            let id = SagaId::new(format!("cut-{number}")).unwrap();
            cut_off(&storage, &id, fails, death, F::soon() * 3).await;
            let before = Before::see(&storage, &id).await;
            let [one, other] =
                others.map(|other| runner(other, &storage, fails, Duration::from_secs(30)));
            let both =
                async { tokio::join!(resumed(&one, &id, &before), resumed(&other, &id, &before)) };
            let (one, other) = in_time(both).await;
            is_as_it_must(one, fails);
            is_as_it_must(other, fails);
            check(&storage, &id, fails, &before).await;
        });
    }
    while let Some(point) = points.join_next().await {
        point.unwrap();
    }
}
