//! `cargo xtask docs`: the API docs, the book, and its pages as a reader follows them.

mod blocks;
mod book;
mod compiled;
mod output;
mod site;
mod walkthrough;

use crate::arguments::{Arguments, Grammar};
use crate::failure::Outcome;
use crate::process::Process;
use crate::steps::Steps;
use crate::tidy;

pub(crate) const HELP: &str = "\
Builds the API docs of every crate, with every rustdoc warning an error, and the book of `docs/` into `book` below
cargo's target directory. mdBook is fetched with pip; GLMSG_MDBOOK names one that is there.

Usage: cargo xtask docs [--check] [--pages]

Options:
  --pages  The book alone
  --check  Also check that every link of the written pages and of the book leads somewhere, that a test compiles every
           page with Rust code, and that each shell block of docs/getting-started.md and docs/guides/troubleshooting.md
           does, as it is written, what the page says. That takes a server of Redis 7, which is fetched, and a registry";

pub(crate) fn run(words: &[String]) -> Outcome {
    let args = Arguments::parse(
        words,
        &Grammar {
            switches: &["--check", "--pages"],
            ..Grammar::default()
        },
    )?;
    let mut steps = Steps::default();
    if !args.has("--pages") {
        steps.run("rustdoc", || {
            Process::cargo("doc --workspace --all-features --no-deps --locked")
                .env("RUSTDOCFLAGS", "-D warnings")
                .run()
        });
    }
    if args.has("--check") {
        steps.run("links", tidy::check_links);
        pages(&mut steps);
    } else {
        steps.run("book", || book::build().map(drop));
    }
    steps.finish()
}

/// What `cargo xtask test` checks, too.
pub(crate) fn pages(steps: &mut Steps) {
    steps.run("code of the pages", compiled::check);
    steps.run("book", || site::check(&book::build()?));
    steps.run("walkthrough", walkthrough::check);
}
