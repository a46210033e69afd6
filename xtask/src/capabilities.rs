//! `docs/capabilities.md`: generated from the conformance suite, and checked to be what it would generate now, and to be
//! proved: each case it has is a test.

use std::collections::HashSet;

use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::workspace;

/// By the words that the tests were built with: with fewer targets cargo takes other features, and builds all anew.
const LIST: &str = "test --quiet --locked --workspace --all-features --tests -- --list";

/// Fails, once everything has been built, if the page differs from what the suite has, or if it says what no test proves.
pub(crate) fn check() -> Outcome {
    if !workspace::member("glmsg-tests")?.has_target("bin", "capabilities") {
        return Err(Failure::failed(
            "docs/capabilities.md cannot be checked: add the binary `capabilities` as tests/src/bin/capabilities.rs",
        ));
    }
    let program = workspace::target_directory()?.join("debug/capabilities");
    let program = || Process::new(&program.to_string_lossy());
    program().words("--check").run()?;
    let wanted = program().words("--tests").stdout()?;
    let listed = Process::cargo(LIST).stdout()?;
    let missing = missing(&wanted, &listed);
    match missing.first() {
        None => Ok(()),
        Some(first) => Err(Failure::failed(format!(
            "docs/capabilities.md has {} cases that no test runs, the first is {first}: name its group in the suite of its \
             backend, in tests/tests",
            missing.len()
        ))),
    }
}

/// The names that are wanted and not among those that a test runner lists.
fn missing<'a>(wanted: &'a str, listed: &str) -> Vec<&'a str> {
    let tests = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    let tests: HashSet<&str> = tests.collect();
    let wanted = wanted.lines();
    wanted.filter(|name| !tests.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_without_a_test_is_found() {
        let listed = "a::b: test\na::c: benchmark\n\n1 test, 1 benchmark\n";
        assert!(missing("a::b\n", listed).is_empty());
        assert_eq!(missing("a::b\na::c\na::d\n", listed), ["a::c", "a::d"]);
    }
}
