//! `docs/capabilities.md`: generated from what the conformance suite found, and checked to be what it would generate now.

use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::workspace;

/// Fails if the page differs from what the suite says.
pub(crate) fn check() -> Outcome {
    if !workspace::member("glmsg-tests")?.has_target("bin", "capabilities") {
        return Err(Failure::failed(
            "docs/capabilities.md cannot be checked: add the binary `capabilities` as tests/src/bin/capabilities.rs",
        ));
    }
    Process::cargo(
        "run --quiet --locked --package glmsg-tests --all-features --bin capabilities -- --check",
    )
    .run()
}
