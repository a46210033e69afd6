//! Runs the catalogue of cases on a backend.

use std::collections::BTreeMap;
use std::sync::Arc;

use glmsg_conformance::{Fixture, Verdict, catalog, process_catalog};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

/// What came of each case, by group and name.
pub(super) type Verdicts = BTreeMap<(&'static str, &'static str), Verdict>;
type Ended = ((&'static str, &'static str), Result<Verdict, String>);

/// The in-process cases.
pub(super) async fn judge<F: Fixture>(at_once: usize) -> Result<Verdicts, String> {
    let turns = Arc::new(Semaphore::new(at_once));
    let mut running = JoinSet::new();
    for case in catalog::<F>() {
        let turns = turns.clone();
        running.spawn(async move {
            let _turn = turns.acquire().await;
            let name = (case.group, case.name);
            let ended = tokio::spawn(async move { case.run().await }).await;
            (name, ended.map_err(why))
        });
    }
    collect::<F>(running.join_all().await)
}

/// The process-level cases, with this binary as the worker.
pub(super) async fn judge_processes<F: Fixture>(url: fn(&F) -> String) -> Result<Verdicts, String> {
    let worker = std::env::current_exe().map_err(|e| e.to_string())?;
    let turns = Arc::new(Semaphore::new(4));
    let mut running = JoinSet::new();
    for case in process_catalog::<F>() {
        let (turns, worker) = (turns.clone(), worker.clone());
        running.spawn(async move {
            let _turn = turns.acquire().await;
            let name = ("process", case.name);
            let ended = tokio::spawn(async move { case.run(&worker, url).await }).await;
            (name, ended.map_err(why))
        });
    }
    collect::<F>(running.join_all().await)
}

/// What a case says as it fails: in the table that a run ends with, it is all there is to go by.
fn why(error: JoinError) -> String {
    let text = match error.try_into_panic() {
        Ok(said) => match said.downcast::<String>() {
            Ok(text) => *text,
            Err(said) => said
                .downcast_ref::<&str>()
                .map_or_else(String::new, |text| (*text).to_owned()),
        },
        Err(error) => error.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn collect<F>(ended: Vec<Ended>) -> Result<Verdicts, String> {
    let failed = ended.iter().filter_map(|((group, name), verdict)| {
        let why = verdict.as_ref().err()?;
        Some(format!("{group}::{name} ({why})"))
    });
    let mut failed: Vec<String> = failed.collect();
    failed.sort();
    if !failed.is_empty() {
        let fixture = std::any::type_name::<F>();
        let count = failed.len();
        // If all fail it is for one reason.
        failed.truncate(8);
        let failed = failed.join(", ");
        return Err(format!(
            "{fixture} fails {count}: {failed}: run `cargo test -p glmsg-tests` to see more"
        ));
    }
    let verdicts = ended.into_iter();
    Ok(verdicts
        .filter_map(|(name, verdict)| Some((name, verdict.ok()?)))
        .collect())
}
