//! Writes `docs/capabilities.md` from what the conformance suite finds now; with `--check`, fails
//! if the page differs.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

use std::path::Path;
use std::process::ExitCode;

use glmsg_tests::{report, worker};

const PAGE: &str = "docs/capabilities.md";
const REMEDY: &str = "run `cargo xtask services up kafka`, then `cargo run -p glmsg-tests --all-features --bin capabilities`, and commit the page";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // The process-level cases start this very binary as their worker.
    if words.iter().any(|word| word.starts_with("role=")) {
        return worker::main();
    }
    let is_check = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("usage: capabilities [--check]");
            return ExitCode::from(2);
        }
    };
    let found = match report::page() {
        Ok(found) => found,
        Err(failed) => {
            eprintln!("{failed}");
            return ExitCode::FAILURE;
        }
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    if written == found {
        println!("{PAGE} is what the suite finds");
        return ExitCode::SUCCESS;
    }
    if is_check {
        eprintln!("{PAGE} is not what the suite finds: {REMEDY}");
        return ExitCode::FAILURE;
    }
    if let Err(error) = std::fs::write(&path, found) {
        eprintln!("{PAGE} cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    println!("{PAGE} written");
    ExitCode::SUCCESS
}
