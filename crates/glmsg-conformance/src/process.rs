//! Process-level cases: real worker processes, killed, stopped and restarted.

pub mod cases;
mod ledger;
mod plan;
mod stage;
mod worker;
mod worker_process;

pub use plan::{Plan, Role};
pub use stage::Stage;
pub use worker::run_worker;

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use crate::case::{documentation, first_paragraph, promises};
use crate::{Fixture, Need, Verdict};

/// Expands to the process-level tests of a backend whose store several processes can use: one
/// `#[test]` for each case, in a module `process`.
///
/// ```text
/// glmsg_conformance::process_suite!(MyFixture;
///     worker = env!("CARGO_BIN_EXE_worker"), url = MyFixture::url);
/// ```
///
/// `worker` is the path of a binary that reads a [`Plan`] from its arguments, opens the store the
/// plan names and calls [`run_worker`]; `url` is a `fn(&MyFixture) -> String` that names the
/// fixture's store to it.
#[macro_export]
macro_rules! process_suite {
    ($fixture:ty; worker = $worker:expr, url = $url:expr $(,)?) => {
        $crate::process_cases! { __process_tests $fixture, $worker, $url }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __process_tests {
    ([$($source:literal)+] [$($case:ident,)*] $fixture:ty, $worker:expr, $url:expr) => {
        mod process {
            #[allow(unused_imports)]
            use super::*;
            $(
                #[test]
                fn $case() {
                    let worker = ::std::path::Path::new($worker);
                    $crate::run_process_case::<$fixture>(stringify!($case), worker, $url);
                }
            )*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __process_list {
    ([$($source:literal)+] [$($case:ident,)*]) => {
        {
            const SOURCE: &str = concat!($(include_str!($source)),+);
            vec![$($crate::ProcessCase {
                name: stringify!($case),
                source: SOURCE,
                check: |stage| Box::pin($case(stage)),
            }),*]
        }
    };
}

type Check<F> = fn(Stage<F>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// A named check that starts, kills and stops processes.
pub struct ProcessCase<F> {
    /// Its name, which is that of the test.
    pub name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) check: Check<F>,
}

impl<F: Fixture> ProcessCase<F> {
    /// Runs it on a fresh fixture, with `worker` as the binary to start.
    ///
    /// # Panics
    /// If it does not hold; the message says what was expected.
    pub async fn run(&self, worker: &Path, url: fn(&F) -> String) -> Verdict {
        if self.verdict() != Verdict::Holds {
            return self.verdict();
        }
        let f = F::new().await;
        let url = url(&f);
        let stage = Stage::new(f, url, worker).await;
        (self.check)(stage).await;
        Verdict::Holds
    }

    /// How it ends on this kind of fixture, if it does not fail.
    pub fn verdict(&self) -> Verdict {
        match Need::MultiProcess.is_met::<F>() {
            true => Verdict::Holds,
            false => Verdict::Refused(Need::MultiProcess),
        }
    }
}

impl<F> ProcessCase<F> {
    /// What it checks, in a sentence: the first paragraph of its documentation.
    pub fn text(&self) -> String {
        first_paragraph(&documentation(self.source, self.name))
    }

    /// The promises it proves, by number.
    pub fn promises(&self) -> Vec<u8> {
        promises(&documentation(self.source, self.name))
    }
}

impl<F> fmt::Debug for ProcessCase<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process::{}", self.name)
    }
}

/// All process-level cases.
pub fn process_catalog<F: Fixture>() -> Vec<ProcessCase<F>> {
    cases::all()
}

/// Runs one process-level case in a runtime of its own, as a test does.
///
/// # Panics
/// If the case fails, or if there is none of this name.
pub fn run_process_case<F: Fixture>(name: &str, worker: &Path, url: fn(&F) -> String) {
    let found = process_catalog::<F>().into_iter().find(|c| c.name == name);
    let case = found.expect("the tests are made from the catalogue");
    crate::suite::runtime().block_on(async {
        case.run(worker, url).await;
    });
}
