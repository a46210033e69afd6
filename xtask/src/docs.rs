//! `cargo xtask docs`: the API docs, and the links of the written pages.

use crate::arguments::{Arguments, Grammar};
use crate::failure::Outcome;
use crate::process::Process;
use crate::steps::Steps;
use crate::tidy;

pub(crate) const HELP: &str = "\
Builds the API docs of every crate, with every rustdoc warning an error.

Usage: cargo xtask docs [--check]

Options:
  --check  Also check that every relative link of the written pages leads to a file";

pub(crate) fn run(words: &[String]) -> Outcome {
    let args = Arguments::parse(
        words,
        &Grammar {
            switches: &["--check"],
            ..Grammar::default()
        },
    )?;
    let mut steps = Steps::default();
    steps.run("rustdoc", || {
        Process::cargo("doc --workspace --all-features --no-deps --locked")
            .env("RUSTDOCFLAGS", "-D warnings")
            .run()
    });
    if args.has("--check") {
        steps.run("links", tidy::check_links);
    }
    steps.finish()
}
