//! A process that copies in transactions is killed between every two steps, and comes again.

use glmsg_faults::check::{Expectation, Invariant, Report, check};
use glmsg_faults::ledger::{Writer, read_dir};
use glmsg_faults::process::{Launch, Worker};
use glmsg_faults::until;
use glmsg_tests::copier::{Plan, STEPS, VARIABLE};

use crate::copying::{Copying, PATIENCE, once_each};

/// How many messages there are for each process.
const EACH: usize = 10;

/// How often a process dies at a step: the first time it comes there, the second, the third, and again.
fn rounds() -> u32 {
    match std::env::var_os("GLMSG_LONG") {
        Some(_) => 12,
        None => 3,
    }
}

/// Copies while processes die at a step, and tells how the results look.
async fn judge(step: &str, is_apart: bool) -> Report {
    let case = Copying::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = Writer::open(dir.path(), "case");
    let plan = Plan {
        // The partitions of one that died are kept for it, or each would wait for the session to end.
        url: format!("{}&instance=copier", case.url),
        from: case.from.to_string(),
        to: case.to.to_string(),
        group: case.group.to_string(),
        member: "one".into(),
        timeout_s: 30,
        dies_at: None,
        stops_at: None,
        poison: None,
        handles: None,
        is_apart,
    };
    let launch = |dies_at: Option<(String, u32)>| {
        let plan = Plan {
            dies_at,
            ..plan.clone()
        };
        let text = serde_json::to_string(&plan).expect("a plan can be written");
        Launch::new(env!("CARGO_BIN_EXE_copier")).env(VARIABLE, text)
    };
    let mut published = 0;
    for round in 1..=rounds() {
        for n in published..published + EACH {
            ledger.pub_try(&n.to_string());
        }
        case.publish(published..published + EACH).await;
        for n in published..published + EACH {
            ledger.pub_ok(&n.to_string());
        }
        published += EACH;
        let name = format!("copier-{round}");
        // There are messages for three transactions and one more.
        let time = (round - 1) % 3 + 1;
        let copier = Worker::spawn(&name, &launch(Some((step.into(), time))), &ledger);
        let ended = copier.wait(PATIENCE).await;
        assert!(!ended.success(), "it dies at {step}");
    }
    let last = Worker::spawn("copier-last", &launch(None), &ledger);
    case.until_done().await;
    // Readers see what was committed a little later than the group does.
    until("all results are seen", PATIENCE, || async {
        case.results().await.len() >= published
    })
    .await;
    last.kill9().await;
    let expectation = Expectation::for_groups(["copiers"])
        .outputs(case.results().await)
        .published_at_least(EACH * 3)
        .only([Invariant::I8]);
    let events = read_dir(dir.path()).expect("the ledgers can be read");
    check(&events, &expectation)
}

macro_rules! dies_at {
    ($($name:ident: $step:literal,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            assert!(STEPS.contains(&$step));
            judge($step, false).await.assert_ok();
        }
    )+};
}

dies_at! {
    before_it_begins: "begin",
    after_it_has_begun: "begun",
    before_it_tells: "tell",
    before_it_commits_what_it_tells: "tell-commit",
    after_it_has_told: "told",
    after_it_has_received: "received",
    after_it_has_published: "published",
    before_offsets_are_sent: "send-offsets",
    after_offsets_are_sent_and_before_it_commits: "commit",
    after_it_has_committed: "committed",
}

/// Shows that the cases above can fail: who stores results and offsets apart stores some results twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_commits_offsets_apart_is_caught() {
    let report = judge("published", true).await;
    assert!(!report.violations(Invariant::I8).is_empty());
}

/// Without a name of its own in the group, a process that died keeps its partitions until its session ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_leaves_open_another_member_goes_on_with() {
    let case = Copying::new().await;
    case.publish(0..EACH).await;
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = Writer::open(dir.path(), "case");
    let launch = |member: &str, dies_at: Option<(String, u32)>| {
        let plan = Plan {
            url: case.url.clone(),
            from: case.from.to_string(),
            to: case.to.to_string(),
            group: case.group.to_string(),
            member: member.into(),
            timeout_s: 2,
            dies_at,
            stops_at: None,
            poison: None,
            handles: None,
            is_apart: false,
        };
        let text = serde_json::to_string(&plan).expect("a plan can be written");
        Launch::new(env!("CARGO_BIN_EXE_copier")).env(VARIABLE, text)
    };
    let first = Worker::spawn("first", &launch("one", Some(("commit".into(), 1))), &ledger);
    assert!(!first.wait(PATIENCE).await.success());
    // What it left open keeps nobody from looking.
    assert_eq!(case.left().await, EACH as u64);
    assert!(case.results().await.is_empty());
    let second = Worker::spawn("second", &launch("two", None), &ledger);
    // After the time-out of the transaction that the first has left.
    case.until_done().await;
    second.kill9().await;
    case.shows(once_each(EACH)).await;
}

/// Two copy, and one of them is killed at any moment, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_any_moment() {
    let case = Copying::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = Writer::open(dir.path(), "case");
    let launch = |member: &str| {
        let plan = Plan {
            url: format!("{}&instance=copier", case.url),
            from: case.from.to_string(),
            to: case.to.to_string(),
            group: case.group.to_string(),
            member: member.into(),
            timeout_s: 30,
            dies_at: None,
            stops_at: None,
            poison: None,
            handles: None,
            is_apart: false,
        };
        let text = serde_json::to_string(&plan).expect("a plan can be written");
        Launch::new(env!("CARGO_BIN_EXE_copier")).env(VARIABLE, text)
    };
    let names = ["one", "two"];
    let mut copiers = names.map(|name| Worker::spawn(&format!("{name}-0"), &launch(name), &ledger));
    let mut published = 0;
    let rounds = rounds() * 3;
    for round in 1..=rounds {
        case.publish(published..published + EACH * 3).await;
        published += EACH * 3;
        // A moment in the middle of these.
        let enough = published - fastrand::usize(1..EACH * 3);
        until("some are copied", PATIENCE, || async {
            case.results().await.len() >= enough
        })
        .await;
        let victim = round as usize % 2;
        copiers[victim].kill9().await;
        let name = names[victim];
        copiers[victim] = Worker::spawn(&format!("{name}-{round}"), &launch(name), &ledger);
    }
    case.until_done().await;
    case.shows(once_each(published)).await;
}
