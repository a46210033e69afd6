//! The project's own commands: `cargo xtask COMMAND`.
//!
//! This crate sees no crate of the library. It drives `cargo` and reads files, so a broken library never stops the
//! command that would say why.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its terminal"
)]

mod arguments;
mod bench;
mod capabilities;
mod chaos;
mod demo;
mod deny;
mod deploy;
mod docs;
mod examples;
mod failure;
mod features;
mod layers;
mod lint;
mod msrv;
mod process;
mod secrets;
mod services;
mod steps;
mod test;
mod tidy;
mod toolchain;
mod violation;
mod workspace;

use std::process::ExitCode;

use crate::failure::{Failure, Outcome};

const HELP: &str = "\
The commands of the project.

Usage: cargo xtask COMMAND [OPTIONS]

Commands:
  test      The whole matrix: build, every test, the capability page, the demo, the examples
  examples  The ten examples of the facade, with the numbers they end with
  chaos     The cases of the fault matrix, at length
  services  The servers that tests talk to: up, down, status
  deploy    The files of deploy/, by the tools that read such files
  lint      Formatting, clippy, the house rules, the layers
  tidy      The house rules alone
  layers    Which crate may depend on which
  features  Every feature of every crate, built alone
  docs      The API docs and the book, with every warning an error
  bench     The table of measurements, or the criterion benches
  deny      Licences, duplicate versions and sources of the dependencies
  msrv      The oldest Rust version the project supports

`cargo xtask COMMAND --help` says more. Exit codes: 0 done, 1 failed, 2 usage.";

/// The commands that build the workspace.
const BUILDS: &[&str] = &[
    "test", "examples", "chaos", "lint", "features", "docs", "bench", "msrv",
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}

fn dispatch(args: &[String]) -> Outcome {
    let Some((command, rest)) = args.split_first() else {
        println!("{HELP}");
        return Err(Failure::usage("no command was named"));
    };
    let (help, run): (&str, fn(&[String]) -> Outcome) = match command.as_str() {
        "test" => (test::HELP, test::run),
        "examples" => (examples::HELP, examples::run),
        "chaos" => (chaos::HELP, chaos::run),
        "services" => (services::HELP, services::run),
        "lint" => (lint::HELP, lint::run),
        "tidy" => (tidy::HELP, tidy::run),
        "layers" => (layers::HELP, layers::run),
        "features" => (features::HELP, features::run),
        "docs" => (docs::HELP, docs::run),
        "bench" => (bench::HELP, bench::run),
        "deploy" => (deploy::HELP, deploy::run),
        "deny" => (deny::HELP, deny::run),
        "msrv" => (msrv::HELP, msrv::run),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            return Ok(());
        }
        unknown => {
            return Err(Failure::usage(format!(
                "there is no command `{unknown}`; `cargo xtask --help` lists them"
            )));
        }
    };
    if arguments::ask_for_help(rest) {
        println!("{help}");
        return Ok(());
    }
    workspace::enter_root()?;
    if BUILDS.contains(&command.as_str()) {
        toolchain::require()?;
    }
    run(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn an_unknown_command_is_a_usage_error() {
        let failure = dispatch(&words("tset")).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        assert!(failure.to_string().contains("`tset`"));
    }

    #[test]
    fn every_command_in_the_help_can_be_asked_for_help() {
        let listed = HELP
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_whitespace().next());
        for command in listed {
            assert!(
                dispatch(&words(&format!("{command} --help"))).is_ok(),
                "{command}"
            );
        }
    }
}
