//! Writes `docs/capabilities.md`; with `--check`, fails if the page differs; with `--tests`, prints
//! the names of the tests that prove it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

use std::path::Path;
use std::process::ExitCode;

use glmsg_tests::report;

const PAGE: &str = "docs/capabilities.md";
const REMEDY: &str =
    "run `cargo run -p glmsg-tests --all-features --bin capabilities`, and commit the page";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let is_check = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        ["--tests"] => {
            report::tests().iter().for_each(|name| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("usage: capabilities [--check | --tests]");
            return ExitCode::from(2);
        }
    };
    let found = report::page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    if written == found {
        println!("{PAGE} is what the suite has");
        return ExitCode::SUCCESS;
    }
    if is_check {
        eprintln!("{PAGE} is not what the suite has: {REMEDY}");
        return ExitCode::FAILURE;
    }
    if let Err(error) = std::fs::write(&path, found) {
        eprintln!("{PAGE} cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    println!("{PAGE} written");
    ExitCode::SUCCESS
}
