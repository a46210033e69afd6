//! SQLite against the model.

use glmsg_conformance::Fixture;
use glmsg_tests::SqliteByHand;

use crate::clocked::Clocked;
use crate::histories::{At, Effort, agree};
use crate::step::Profile;

impl Clocked for SqliteByHand {}

fn agrees(profile: Profile) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let effort = Effort::short(64, 400);
    agree(&runtime, profile, &effort, &At::default(), async || {
        SqliteByHand::new().await
    });
}

/// Any step, four priorities; no crash, because a crash begins the weighing of priorities anew.
#[test]
fn agrees_on_priorities() {
    agrees(Profile::Priorities);
}

/// Any step and crashes, in one priority.
#[test]
fn agrees_across_crashes() {
    agrees(Profile::Crashes);
}

/// Small topics that fill, age and overflow.
#[test]
fn agrees_on_retention() {
    agrees(Profile::SmallTopic);
}
