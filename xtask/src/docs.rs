//! `cargo xtask docs`: the API docs, the book, and the first steps as a reader takes them.

mod blocks;
mod book;
mod first_steps;
mod output;
mod site;

use crate::arguments::{Arguments, Grammar};
use crate::failure::Outcome;
use crate::process::Process;
use crate::steps::Steps;
use crate::tidy;

pub(crate) const HELP: &str = "\
Builds the API docs of every crate, with every rustdoc warning an error, and the book of `docs/` into `book` below
cargo's target directory. mdBook is fetched with pip; GLMSG_MDBOOK names one that is there.

Usage: cargo xtask docs [--check]

Options:
  --check  Also check that every link of the written pages and of the book leads somewhere, that a test compiles every
           page with Rust code, and that each shell block of docs/getting-started.md does, as it is written, what the
           page says. The last takes a server of Redis 7, which is fetched, and a registry of crates";

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
        pages(&mut steps);
    } else {
        steps.run("book", || book::build().map(drop));
    }
    steps.finish()
}

/// The book and the first steps, which `cargo xtask test` checks, too.
pub(crate) fn pages(steps: &mut Steps) {
    steps.run("book", || site::check(&book::build()?));
    steps.run("first steps", first_steps::check);
}
