//! Runs the catalogue of cases on a backend.

use std::collections::BTreeMap;
use std::sync::Arc;

use glmsg_conformance::{Fixture, Verdict, catalog, process_catalog};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What came of each case, by group and name.
pub(super) type Verdicts = BTreeMap<(&'static str, &'static str), Verdict>;
type Ended = ((&'static str, &'static str), Option<Verdict>);

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
            (name, ended.ok())
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
            (name, ended.ok())
        });
    }
    collect::<F>(running.join_all().await)
}

fn collect<F>(ended: Vec<Ended>) -> Result<Verdicts, String> {
    let failed = ended.iter().filter(|(_, verdict)| verdict.is_none());
    let mut failed: Vec<String> = failed
        .map(|((group, name), _)| format!("{group}::{name}"))
        .collect();
    failed.sort();
    if !failed.is_empty() {
        let fixture = std::any::type_name::<F>();
        let failed = failed.join(", ");
        return Err(format!(
            "{fixture} fails {failed}: run `cargo test -p glmsg-tests` to see why"
        ));
    }
    let verdicts = ended.into_iter();
    Ok(verdicts
        .filter_map(|(name, v)| v.map(|v| (name, v)))
        .collect())
}
