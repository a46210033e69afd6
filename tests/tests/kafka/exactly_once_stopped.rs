//! A process that stands still in the middle of a transaction for so long that the cluster gives it up.

use std::time::{Duration, Instant};

use glmsg_faults::ledger::Writer;
use glmsg_faults::process::{Launch, Worker};
use glmsg_faults::until;
use glmsg_tests::copier::{Plan, VARIABLE};

use crate::copying::{Copying, PATIENCE, message, once_each};

/// How long a transaction may be open.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How many messages there are.
const COUNT: usize = 10;

async fn stops_at(step: &str) {
    let case = Copying::new().await;
    case.publish(0..COUNT).await;
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = Writer::open(dir.path(), "case");
    let plan = Plan {
        url: format!("{}&timeout_ms=1000", case.url),
        from: case.from.to_string(),
        to: case.to.to_string(),
        group: case.group.to_string(),
        member: "one".into(),
        timeout_s: TIMEOUT.as_secs(),
        dies_at: None,
        stops_at: Some(step.into()),
        poison: None,
        handles: None,
        is_apart: false,
    };
    let text = serde_json::to_string(&plan).expect("a plan can be written");
    let launch = Launch::new(env!("CARGO_BIN_EXE_copier")).env(VARIABLE, text);
    let copier = Worker::spawn("copier", &launch, &ledger);
    until("it stands still", PATIENCE, || async {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", copier.pid()));
        stat.is_ok_and(|stat| stat.contains(") T "))
    })
    .await;
    let since = Instant::now();
    // They stand behind its results: readers see them when its transaction is over.
    let behind: Vec<String> = (100..140).map(|n| n.to_string()).collect();
    let messages = behind.iter().map(|text| message(&case.to, text));
    case.publish_all(messages.collect()).await;
    until("the cluster gives it up", PATIENCE, || async {
        // Of what it had not sent yet the cluster knows nothing: its own time is over, too.
        since.elapsed() > 2 * TIMEOUT && case.results().await == behind
    })
    .await;
    copier.cont();
    case.until_done().await;
    assert!(copier.is_alive(), "nobody has shut it out");
    let mut expected = once_each(COUNT);
    expected.extend(behind);
    expected.sort();
    case.shows(expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_it_commits() {
    stops_at("published").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_commits() {
    stops_at("commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_it_sends_offsets() {
    stops_at("send-offsets").await;
}
