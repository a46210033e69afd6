//! `cargo xtask lint`: everything that can be said about the code without running it.

use crate::arguments::{Arguments, Grammar};
use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::steps::Steps;
use crate::{layers, tidy};

pub(crate) const HELP: &str = "\
Checks the code without running it: formatting, clippy with every warning an error, the house rules, the layers.

Usage: cargo xtask lint";

pub(crate) fn run(words: &[String]) -> Outcome {
    Arguments::parse(words, &Grammar::default())?;
    let mut steps = Steps::default();
    steps.run("fmt", || {
        require_component("rustfmt", "fmt --version")?;
        Process::cargo("fmt --all --check").run()
    });
    steps.run("clippy", || {
        require_component("clippy", "clippy --version")?;
        Process::cargo("clippy --workspace --all-targets --all-features --locked -- -D warnings")
            .run()?;
        // The targets of tests that not every run has are none of all targets.
        Process::cargo(
            "clippy --package glmsg-tests --test * --all-features --locked -- -D warnings",
        )
        .run()
    });
    steps.run("tidy", || tidy::run(&[]));
    steps.run("layers", || layers::run(&[]));
    steps.finish()
}

/// Makes sure a toolchain component is there: `rust-toolchain.toml` names it, and not every machine obeys.
pub(crate) fn require_component(component: &str, probe: &str) -> Outcome {
    if Process::cargo(probe).succeeds() {
        return Ok(());
    }
    let added = Process::new("rustup")
        .args(["component", "add", component])
        .run();
    if added.is_ok() && Process::cargo(probe).succeeds() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{component} is missing: install it with `rustup component add {component}`"
    )))
}
