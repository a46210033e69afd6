//! What the suite finds on a backend, where nothing fails.

use std::collections::BTreeMap;

use glmsg_conformance::{Fixture, Verdict, catalog, process_catalog};

/// What comes of each case, by group and name.
pub(super) type Verdicts = BTreeMap<(&'static str, &'static str), Verdict>;

/// The in-process cases.
pub(super) fn judge<F: Fixture>() -> Verdicts {
    let cases = catalog::<F>();
    let all = cases.iter().map(|c| ((c.group, c.name), c.verdict()));
    all.collect()
}

/// Those that start processes.
pub(super) fn judge_processes<F: Fixture>() -> Verdicts {
    let cases = process_catalog::<F>();
    let all = cases.iter().map(|c| ((PROCESS, c.name), c.verdict()));
    all.collect()
}

/// The group of the cases that start processes.
pub(super) const PROCESS: &str = "process";
