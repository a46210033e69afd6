//! The macro that turns the catalogue into named tests of an author's crate.

use std::time::Duration;

use crate::case::Case;
use crate::{Fixture, Need};

/// How long a whole case may take before it counts as hung.
const CASE_PATIENCE: Duration = Duration::from_secs(180);

/// Expands to the named tests of a backend: one module for each group of cases, one `#[test]` for
/// each case, each with a multi-threaded tokio runtime and a fresh fixture of its own.
///
/// ```text
/// glmsg_conformance::suite!(MyFixture; delivery, batch, ordering, groups, redelivery, lease,
///     retry, ttl, priority, dead_letter, replay, retention, idempotence, limits, shutdown,
///     reconnect, consumer, health, frames, live, storage);
/// ```
///
/// A group may be left out only if the backend's capability lacks what the group is about; the
/// test `the_list_of_groups_is_complete` says so otherwise. Put the call into a module of the
/// backend's name, so that `cargo test NAME` runs its suite.
#[macro_export]
macro_rules! suite {
    ($fixture:ty; $($group:ident),+ $(,)?) => {
        $($crate::__group! { $group $fixture })+

        #[test]
        fn the_list_of_groups_is_complete() {
            $crate::assert_complete::<$fixture>(&[$(stringify!($group)),+]);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __group {
    (delivery $f:ty) => {
        $crate::delivery_cases! { __tests $f }
    };
    (batch $f:ty) => {
        $crate::batch_cases! { __tests $f }
    };
    (ordering $f:ty) => {
        $crate::ordering_cases! { __tests $f }
    };
    (groups $f:ty) => {
        $crate::groups_cases! { __tests $f }
    };
    (redelivery $f:ty) => {
        $crate::redelivery_cases! { __tests $f }
    };
    (lease $f:ty) => {
        $crate::lease_cases! { __tests $f }
    };
    (retry $f:ty) => {
        $crate::retry_cases! { __tests $f }
    };
    (ttl $f:ty) => {
        $crate::ttl_cases! { __tests $f }
    };
    (priority $f:ty) => {
        $crate::priority_cases! { __tests $f }
    };
    (dead_letter $f:ty) => {
        $crate::dead_letter_cases! { __tests $f }
    };
    (replay $f:ty) => {
        $crate::replay_cases! { __tests $f }
    };
    (retention $f:ty) => {
        $crate::retention_cases! { __tests $f }
    };
    (idempotence $f:ty) => {
        $crate::idempotence_cases! { __tests $f }
    };
    (limits $f:ty) => {
        $crate::limits_cases! { __tests $f }
    };
    (shutdown $f:ty) => {
        $crate::shutdown_cases! { __tests $f }
    };
    (reconnect $f:ty) => {
        $crate::reconnect_cases! { __tests $f }
    };
    (consumer $f:ty) => {
        $crate::consumer_cases! { __tests $f }
    };
    (health $f:ty) => {
        $crate::health_cases! { __tests $f }
    };
    (live $f:ty) => {
        $crate::live_cases! { __tests $f }
    };
    (storage $f:ty) => {
        $crate::storage_cases! { __tests $f }
    };
    (frames $f:ty) => {
        $crate::frames_cases! { __tests $f }
    };
    ($other:ident $f:ty) => {
        compile_error!(concat!(
            "the suite has no group of cases named `",
            stringify!($other),
            "`"
        ));
    };
}

/// The tests of one group, from its list of cases.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($group:ident [$($source:literal)+] [$($case:ident $(($($need:ident)+))?,)*] $fixture:ty) => {
        mod $group {
            #[allow(unused_imports)]
            use super::*;
            $(
                #[test]
                fn $case() {
                    $crate::run_case::<$fixture>(stringify!($group), stringify!($case));
                }
            )*
        }
    };
}

/// The entries of the catalogue, from a group's list of cases.
#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    ($group:ident [$($source:literal)+] [$($case:ident $(($($need:ident)+))?,)*]) => {
        {
            const SOURCE: &str = concat!($(include_str!($source)),+);
            vec![$($crate::Case {
                group: stringify!($group),
                name: stringify!($case),
                needs: &[$($($crate::Need::$need),+)?],
                source: SOURCE,
                check: |f| Box::pin($case(f)),
            }),*]
        }
    };
}

/// Runs one case of the catalogue in a runtime of its own, as a test does.
///
/// # Panics
/// If the case fails or hangs, or if there is none of this name.
pub fn run_case<F: Fixture>(group: &str, name: &str) {
    let found = crate::catalog::<F>()
        .into_iter()
        .find(|case| case.group == group && case.name == name);
    let case: Case<F> = found.expect("the tests are made from the catalogue");
    runtime().block_on(async {
        // A task of its own, so that the case runs on the workers like a user's code.
        let run = tokio::spawn(async move { case.run().await });
        let limit = CASE_PATIENCE.as_secs();
        match tokio::time::timeout(CASE_PATIENCE, run).await {
            Ok(Ok(_)) => {}
            Ok(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => panic!("{group}::{name} did not end within {limit} s"),
        }
    });
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a tokio runtime starts")
}

/// The groups that may be left out, each with what must then be missing.
const OPTIONAL: &[(&str, Need)] = &[
    ("ttl", Need::Ttl),
    ("priority", Need::Priorities),
    ("replay", Need::Replay),
    ("retention", Need::Retention),
    ("idempotence", Need::IdempotentPublish),
    ("reconnect", Need::Reopen),
    ("frames", Need::Frames),
    ("live", Need::Live),
    ("storage", Need::Storage),
];

/// Fails if a group is missing that the backend's capability calls for, or if a broker declares
/// another capability than its fixture.
///
/// # Panics
/// With a remedy.
pub fn assert_complete<F: Fixture>(listed: &[&str]) {
    let missing = missing_groups::<F>(listed);
    assert!(
        missing.is_empty(),
        "the suite leaves out what the backend declares: add `{}` to `suite!`, or take the \
         capability back",
        missing.join("`, `")
    );
    let declared = runtime().block_on(async { F::new().await.broker().await.capability() });
    assert_eq!(
        declared,
        F::capability(),
        "the broker declares another capability than its fixture: make `Fixture::capability` \
         return what `Backend::capability` returns"
    );
}

/// The groups that `listed` leaves out without a reason.
fn missing_groups<F: Fixture>(listed: &[&str]) -> Vec<&'static str> {
    let mut missing: Vec<&str> = crate::catalog::<F>()
        .iter()
        .map(|case| case.group)
        .collect();
    missing.dedup();
    let excused = |group: &str| {
        let optional = OPTIONAL.iter().find(|(name, _)| *name == group);
        optional.is_some_and(|(_, need)| !need.is_met::<F>())
    };
    missing.retain(|group| !listed.contains(group) && !excused(group));
    missing
}
