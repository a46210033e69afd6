//! `cargo xtask deny`: licences, duplicate versions and sources of the dependencies.

use crate::arguments::{Arguments, Grammar};
use crate::failure::{Failure, Outcome};
use crate::process::Process;

pub(crate) const HELP: &str = "\
Checks the licences, duplicate versions and sources of every dependency against deny.toml. Needs no network.

Usage: cargo xtask deny";

pub(crate) fn run(words: &[String]) -> Outcome {
    Arguments::parse(words, &Grammar::default())?;
    if !Process::cargo("deny --version").succeeds() {
        return Err(Failure::failed(
            "cargo-deny is missing: install it with `cargo install cargo-deny --locked`",
        ));
    }
    Process::cargo("deny --all-features check bans licenses sources").run()
}
