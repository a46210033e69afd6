//! Property tests: a backend against the memory backend, which is the plainest reading of the
//! delivery model. The same random steps are taken on both, under clocks that are moved together,
//! and everything that can be observed is compared after each.

mod compare;
mod pair;
mod side;
mod step;
mod traffic;

use glmsg_conformance::Fixture;
use glmsg_tests::SqliteByHand;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use pair::Pair;
use step::{Profile, Step, steps};

/// How many histories are tried, and how long they are.
fn effort() -> (u32, std::ops::Range<usize>) {
    match std::env::var_os("GLMSG_LONG") {
        Some(_) => (400, 100..250),
        None => (64, 60..90),
    }
}

fn agrees<F: Fixture>(profile: Profile) {
    let (cases, length) = effort();
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 3000,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let tried = TestRunner::new(config).run(&steps(profile, length), |steps| {
        let compared = runtime.block_on(async {
            let mut pair = Pair::<F>::new(profile).await;
            for (n, step) in steps.iter().enumerate() {
                pair.take(step)
                    .await
                    .map_err(|e| format!("step {n}, {step:?}: {e}"))?;
            }
            pair.finish().await
        });
        compared.map_err(TestCaseError::fail)
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(why, mut steps)) => {
            steps.retain(|step| !matches!(step, Step::Nothing));
            panic!("{why}\nafter the steps: {steps:#?}");
        }
        Err(other) => panic!("{other}"),
    }
}

/// Any step, four priorities; no crash, because a crash begins the weighing of priorities anew.
#[test]
fn sqlite_agrees_with_the_model_on_priorities() {
    agrees::<SqliteByHand>(Profile::Priorities);
}

/// Any step and crashes, in one priority.
#[test]
fn sqlite_agrees_with_the_model_across_crashes() {
    agrees::<SqliteByHand>(Profile::Crashes);
}

/// Small topics that fill, age and overflow.
#[test]
fn sqlite_agrees_with_the_model_on_retention() {
    agrees::<SqliteByHand>(Profile::SmallTopic);
}
