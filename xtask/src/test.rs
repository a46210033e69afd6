//! `cargo xtask test`: the whole matrix, as the README promises it and CI runs it.

use crate::arguments::{Arguments, Grammar};
use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::steps::Steps;
use crate::{capabilities, demo};

pub(crate) const HELP: &str = "\
Runs the whole matrix: every test and doctest of the workspace, the conformance suite on every backend, the check of
docs/capabilities.md, and the demo with its ledger.

Usage: cargo xtask test [--backend NAME] [--long]

Options:
  --backend NAME  Only the conformance suite and the demo, on one backend: memory, sqlite, or all for the whole matrix
  --long          The long form of the tests that have one (GLMSG_LONG=1)";

/// The backends of the matrix, in the order they are run.
const BACKENDS: &[&str] = &["memory", "sqlite"];

/// The package that runs the conformance suite on every backend.
const SUITE: &str = "--package glmsg-tests --all-features --locked";

pub(crate) fn run(words: &[String]) -> Outcome {
    let grammar = Grammar {
        switches: &["--long"],
        options: &["--backend"],
        ..Grammar::default()
    };
    let args = Arguments::parse(words, &grammar)?;
    let long = args.has("--long");
    match args.value("--backend") {
        None | Some("all") => everything(long),
        Some(name) if BACKENDS.contains(&name) => one_backend(name, long),
        Some(other) => {
            let known = BACKENDS.join(", ");
            Err(Failure::usage(format!(
                "there is no backend `{other}`: name one of {known}, all"
            )))
        }
    }
}

fn everything(long: bool) -> Outcome {
    let mut steps = Steps::default();
    // Before the tests, because some of them start the binaries of other packages, which cargo does not build for them.
    // Together with the tests, because cargo would otherwise build all with two sets of features.
    let built = steps.run("build", || {
        Process::cargo("build --workspace --all-features --locked --bins --tests --examples").run()
    });
    if built {
        steps.run("tests", || {
            cargo_test("--workspace --all-features --locked --no-fail-fast", long).run()
        });
        steps.run("capabilities", capabilities::check);
    }
    for backend in BACKENDS {
        steps.run(&format!("demo {backend}"), || demo::check(backend));
    }
    steps.finish()
}

fn one_backend(name: &str, long: bool) -> Outcome {
    let mut steps = Steps::default();
    let built = steps.run("build", || {
        Process::cargo("build --package glmsg-tests --package glmsg-cli --all-features --locked --bins --tests").run()
    });
    if built {
        steps.run(&format!("suite {name}"), || {
            // A filter that matches nothing passes in cargo's eyes; here it is a failure.
            let listed = cargo_test(SUITE, long)
                .args([name, "--", "--list"])
                .stdout()?;
            if !listed.lines().any(|line| line.ends_with(": test")) {
                return Err(Failure::failed(format!(
                    "glmsg-tests has no test whose name holds `{name}`"
                )));
            }
            cargo_test(SUITE, long).args(["--no-fail-fast", name]).run()
        });
    }
    steps.run(&format!("demo {name}"), || demo::check(name));
    steps.finish()
}

fn cargo_test(words: &str, long: bool) -> Process {
    let mut process = Process::cargo("test").words(words);
    // Most tests wait for a lease or a retry, so many of them fit on few cores.
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        process = process.env("RUST_TEST_THREADS", "8");
    }
    if long {
        process.env("GLMSG_LONG", "1")
    } else {
        process
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_backend_is_a_usage_error_that_names_the_known() {
        let words = ["--backend".to_owned(), "redsi".to_owned()];
        let failure = run(&words).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        assert!(failure.to_string().contains("memory, sqlite, all"));
    }
}
