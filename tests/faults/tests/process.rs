//! Processes that are killed, stopped and continued, and what their ledgers hold then.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use glmsg_faults::ledger::{Event, What, Writer, read_dir};
use glmsg_faults::process::{Killer, Launch, Worker};
use glmsg_faults::until;

const PATIENCE: Duration = Duration::from_secs(30);

fn scribe(dir: &Path, name: &str) -> Launch {
    let launch = Launch::new(env!("CARGO_BIN_EXE_scribe"));
    launch
        .args([dir.to_str().unwrap(), name])
        .log(dir.join(format!("{name}.log")))
}

fn steps(dir: &Path, name: &str) -> Vec<Event> {
    let events = read_dir(dir).unwrap().into_iter();
    events.filter(|event| event.process == name).collect()
}

/// The bytes of its ledger: it writes faster than they could be read again and again.
fn written(dir: &Path, name: &str) -> u64 {
    let files = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    let prefix = format!("{name}.");
    let own = files.filter(|file| {
        let file = file.file_name();
        let file = file.to_str().unwrap();
        file.starts_with(&prefix) && file.ends_with(".jsonl")
    });
    own.map(|file| file.metadata().unwrap().len()).sum()
}

async fn writes(dir: &Path, name: &str) {
    let before = written(dir, name);
    until("it writes", PATIENCE, || async {
        written(dir, name) > before
    })
    .await;
}

#[tokio::test]
async fn a_killed_process_leaves_all_its_steps() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Writer::open(dir.path(), "case");
    for round in 0..5 {
        let name = format!("scribe-{round}");
        let worker = Worker::spawn(&name, &scribe(dir.path(), &name), &ledger);
        writes(dir.path(), &name).await;
        assert_eq!(worker.kill9().await.signal(), Some(9));
        assert!(!worker.is_alive());
        assert_eq!(worker.log(), format!("{name} begins\n"));
        let steps = steps(dir.path(), &name);
        let (crash, steps) = steps.split_last().unwrap();
        assert_eq!(crash.what, What::Crash, "recorded when it is gone");
        let ids = steps
            .iter()
            .map(|event| event.what.id().unwrap().to_owned());
        let expected = (0..steps.len()).map(|n| format!("{name}-{n}"));
        assert!(ids.eq(expected), "no step is missing");
    }
}

#[tokio::test]
async fn a_stopped_process_stands_still_until_it_is_continued() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Writer::open(dir.path(), "case");
    let worker = Worker::spawn("scribe", &scribe(dir.path(), "scribe"), &ledger);
    writes(dir.path(), "scribe").await;
    worker.stop().await;
    assert!(worker.is_alive());
    let before = written(dir.path(), "scribe");
    assert!(worker.usage().threads >= 1);
    assert_eq!(written(dir.path(), "scribe"), before);
    worker.cont();
    writes(dir.path(), "scribe").await;
    worker.terminate();
    assert_eq!(worker.wait(PATIENCE).await.signal(), Some(15));
    let faults: Vec<What> = steps(dir.path(), "scribe")
        .into_iter()
        .map(|event| event.what)
        .filter(|what| what.id().is_none())
        .collect();
    let fault = || "stop".to_owned();
    assert_eq!(
        faults,
        [
            What::FaultBegin { fault: fault() },
            What::FaultEnd { fault: fault() }
        ]
    );
}

#[tokio::test]
async fn a_stopped_process_dies_with_its_handle() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Writer::open(dir.path(), "case");
    let worker = Worker::spawn("scribe", &scribe(dir.path(), "scribe"), &ledger);
    writes(dir.path(), "scribe").await;
    worker.stop().await;
    let pid = worker.pid();
    drop(worker);
    let process = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    assert!(
        rustix::process::test_kill_process(process).is_err(),
        "{pid} is gone"
    );
}

#[tokio::test]
async fn a_killer_kills_each_generation() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Writer::open(dir.path(), "case");
    let ms = Duration::from_millis;
    let folder = dir.path().to_owned();
    let killer = Killer::start(3, ms(1)..=ms(20), move |round| {
        let (folder, ledger) = (folder.clone(), ledger.clone());
        async move {
            let name = format!("scribe-{round}");
            let worker = Worker::spawn(&name, &scribe(&folder, &name), &ledger);
            writes(&folder, &name).await;
            worker.kill9().await;
        }
    });
    killer.reaches(3).await;
    let kills = killer.stop().await;
    let events = read_dir(dir.path()).unwrap();
    let crashes = events.iter().filter(|event| event.what == What::Crash);
    assert_eq!(u64::try_from(crashes.count()).unwrap(), kills);
}

#[tokio::test]
#[should_panic(expected = "scribe has not ended within")]
async fn a_process_that_does_not_end_is_told_with_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Writer::open(dir.path(), "case");
    let worker = Worker::spawn("scribe", &scribe(dir.path(), "scribe"), &ledger);
    worker.wait(Duration::from_millis(1)).await;
}
