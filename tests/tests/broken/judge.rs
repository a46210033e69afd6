//! Runs the whole catalogue on a backend and says which cases fail.

use std::sync::{Arc, Once};

use glmsg_conformance::{Fixture, catalog, set_patience};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Opens a store again after a close in good order, which ends a memory broker for good.
const NEEDS_A_STORE: &str = "closing_finishes_what_was_accepted";

/// The cases that fail `F`, by name.
pub(crate) fn failures<F: Fixture>() -> Vec<String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        // Most of what is waited for here never comes. A sound in-process backend is quick.
        set_patience(12);
        // Hundreds of expected failures, each of which would print itself.
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let in_a_case = tokio::runtime::Handle::try_current().is_ok();
            if !in_a_case {
                print(panic);
            }
        }));
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let mut failed = runtime.block_on(run::<F>());
    failed.sort();
    failed
}

async fn run<F: Fixture>() -> Vec<String> {
    let at_once = Arc::new(Semaphore::new(32));
    let mut running = JoinSet::new();
    let judges = catalog::<F>().into_iter();
    for case in judges.filter(|case| case.name != NEEDS_A_STORE) {
        let at_once = at_once.clone();
        running.spawn(async move {
            let _turn = at_once.acquire().await;
            let name = format!("{case:?}");
            let failed = tokio::spawn(async move { case.run().await }).await.is_err();
            (name, failed)
        });
    }
    let results = running.join_all().await;
    let failed = results.into_iter().filter(|(_, failed)| *failed);
    failed.map(|(name, _)| name).collect()
}
