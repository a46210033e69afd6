//! Trying random histories, and telling the shortest that fails.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use crate::clocked::Clocked;
use crate::pair::Pair;
use crate::step::{Profile, Step, steps};

/// How many shorter histories are tried after one has failed.
const MOST_SHORTENED: u32 = 3000;
/// How long they are tried at most, in milliseconds: on a server one takes most of a second, and a
/// failure is to be told before whoever waits for it gives up.
const LONGEST_SHORTENED: u32 = 30_000;

/// How many histories are tried, and how long they are.
#[derive(Debug, Clone)]
pub(crate) struct Effort {
    pub(crate) cases: u32,
    pub(crate) length: Range<usize>,
    /// The same histories each time.
    pub(crate) is_fixed: bool,
}

impl Effort {
    /// The same number of histories of another length: in the long form any, else the same each time.
    pub(crate) fn of(self, length: Range<usize>) -> Self {
        let is_fixed = std::env::var_os("GLMSG_LONG").is_none();
        Self {
            length,
            is_fixed,
            ..self
        }
    }

    /// So many short ones, or `long` long ones where the environment asks for that.
    pub(crate) fn short(cases: u32, long: u32) -> Self {
        match std::env::var_os("GLMSG_LONG") {
            Some(_) => Self {
                cases: long,
                length: 100..250,
                is_fixed: false,
            },
            None => Self {
                cases,
                length: 60..90,
                is_fixed: false,
            },
        }
    }
}

/// Where the histories that are tried have come to, for who watches that they go on.
#[derive(Debug, Default, Clone)]
pub(crate) struct At(Arc<Mutex<(u64, String)>>);

impl At {
    fn step(&self, step: &str) {
        let mut at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *at = (at.0 + 1, step.to_owned());
    }

    /// How many steps were begun, and which is the last.
    pub(crate) fn get(&self) -> (u64, String) {
        let at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at.clone()
    }
}

/// Fails with the shortest history after which `make`'s backend differs from the model.
pub(crate) fn agree<F: Clocked>(
    runtime: &Runtime,
    profile: Profile,
    effort: &Effort,
    at: &At,
    make: impl AsyncFn() -> F,
) {
    let config = Config {
        cases: effort.cases,
        failure_persistence: None,
        max_shrink_iters: MOST_SHORTENED,
        max_shrink_time: LONGEST_SHORTENED,
        ..Config::default()
    };
    let histories = steps(profile, effort.length.clone());
    let mut runner = match effort.is_fixed {
        true => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
        false => TestRunner::new(config),
    };
    let tried = runner.run(&histories, |steps| {
        let compared = runtime.block_on(async {
            let mut pair = Pair::new(profile, make().await).await;
            for (n, step) in steps.iter().enumerate() {
                at.step(&format!("step {n}, {step:?}"));
                pair.take(step)
                    .await
                    .map_err(|e| format!("step {n}, {step:?}: {e}"))?;
            }
            at.step("the end");
            pair.finish().await
        });
        compared.map_err(TestCaseError::fail)
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(why, mut steps)) => {
            steps.retain(|step| !matches!(step, Step::Nothing));
            let steps: Vec<_> = steps.iter().map(|step| format!("  {step:?}")).collect();
            panic!("{why}\nafter the steps\n{}", steps.join("\n"));
        }
        Err(other) => panic!("{other}"),
    }
}
