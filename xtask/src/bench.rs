//! `cargo xtask bench`: the measurements.

use crate::arguments::{Arguments, Grammar};
use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::workspace;

pub(crate) const HELP: &str = "\
Prints the table of measurements, each beside a raw twin measured in the same run.

Usage: cargo xtask bench [NAME] [--criterion] [-- ARGS]

Arguments:
  NAME         Only the measurements whose name holds this word
  ARGS         Handed on to the table, or to criterion

Options:
  --criterion  Run the criterion benches in place of the table";

const PACKAGE: &str = "glmsg-benches";

pub(crate) fn run(words: &[String]) -> Outcome {
    let grammar = Grammar {
        switches: &["--criterion"],
        name: Some("NAME"),
        passes_rest: true,
        ..Grammar::default()
    };
    let args = Arguments::parse(words, &grammar)?;
    let package = workspace::member(PACKAGE)?;
    let process = if args.has("--criterion") {
        if !package.has_kind("bench") {
            return Err(Failure::failed(format!(
                "{PACKAGE} has no bench: add one under benches/benches/"
            )));
        }
        // Bench targets by glob: a plain `cargo bench` also runs the library's test harness, which knows no criterion flag.
        Process::cargo("bench --locked --package glmsg-benches --bench *")
    } else {
        if !package.has_target("bin", "table") {
            return Err(Failure::failed(format!(
                "{PACKAGE} has no binary `table`: add benches/src/bin/table.rs"
            )));
        }
        Process::cargo("run --release --locked --package glmsg-benches --bin table")
    };
    process.args(["--"]).args(args.name).args(args.rest).run()
}
