//! The coordination patterns, each case on every backend. A case is an
//! `async fn name<F: Fixture>(f: F)` in the file of its pattern.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, which tell what they counted"
)]

use std::future::Future;
use std::time::Duration;

use glmsg_conformance::Fixture;

/// How long a case may take before it counts as hung.
const CASE_PATIENCE: Duration = Duration::from_secs(300);

/// Runs a case in a runtime of its own, on a fresh store.
fn run<F: Fixture, R: Future<Output = ()> + Send + 'static>(case: impl FnOnce(F) -> R) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a tokio runtime starts");
    runtime.block_on(async {
        let case = tokio::spawn(case(F::new().await));
        match tokio::time::timeout(CASE_PATIENCE, case).await {
            Ok(Ok(())) => {}
            Ok(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => panic!("the case did not end within {} s", CASE_PATIENCE.as_secs()),
        }
    });
}

/// The tests of some patterns' cases on one backend, in a module of the backend's name.
macro_rules! on {
    ($backend:ident $fixture:ident; $($pattern:ident [$($case:ident)*])*) => {
        mod $backend {
            $(mod $pattern {
                $(#[test]
                fn $case() {
                    crate::run(crate::$pattern::$case::<glmsg_tests::$fixture>);
                })*
            })*
        }
    };
}

/// The list of all cases, made into tests of every backend.
macro_rules! cases {
    ($($list:tt)*) => {
        on! { memory Memory; $($list)* }
        on! { sqlite Sqlite; $($list)* }
        on! { redis Redis7; $($list)* }
        on! { kafka Kafka; $($list)* }
    };
}

cases! {}
