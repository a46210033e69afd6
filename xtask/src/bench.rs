//! `cargo xtask bench`: the measurements.

use crate::arguments::{Arguments, Grammar};
use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::services::{self, Service};
use crate::workspace;

pub(crate) const HELP: &str = "\
Prints the table of measurements, each beside a raw twin measured in the same run.

Usage: cargo xtask bench [FILTER] [--backend NAME] [--quick] [--seconds N] [--json] [--criterion] [-- ARGS]

Arguments:
  FILTER          Only the section of this name, or those whose name holds it: \"publish 50\"
  ARGS            Handed on to the table, or to criterion

Options:
  --backend NAME  Only the sections of one backend: memory, sqlite, redis or kafka. Without it, those that need no
                  server. redis fetches the programs of Redis 7 where they are missing, and starts a server of its own;
                  kafka starts the broker of `cargo xtask services up kafka`, unless it is up
  --quick         Two rounds of smaller workloads in place of five
  --seconds N     As many rounds as fit in N seconds for each section
  --json          One JSON object in place of the table
  --criterion     Run the criterion benches in place of the table";

const PACKAGE: &str = "glmsg-benches";

pub(crate) fn run(words: &[String]) -> Outcome {
    let grammar = Grammar {
        switches: &["--criterion", "--json", "--quick"],
        options: &["--backend", "--seconds"],
        name: Some("FILTER"),
        passes_rest: true,
    };
    let args = Arguments::parse(words, &grammar)?;
    let package = workspace::member(PACKAGE)?;
    let process = if args.has("--criterion") {
        if !package.has_kind("bench") {
            return Err(Failure::failed(format!(
                "{PACKAGE} has no bench: add one under benches/benches/"
            )));
        }
        if let Some(option) = given(&args).first() {
            return Err(Failure::usage(format!(
                "`{option}` is for the table, not for criterion"
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
        let process = Process::cargo("run --release --locked --package glmsg-benches --bin table");
        match args.value("--backend") {
            Some("redis") => with_redis(process)?,
            Some("kafka") => return on_kafka(process.args(["--features", "kafka"]), &args),
            _ => process,
        }
    };
    measure(process, &args)
}

fn measure(process: Process, args: &Arguments) -> Outcome {
    let process = process.args(["--"]).args(&args.name).args(given(args));
    let process = process.args(&args.rest);
    match args.has("--json") {
        // Nothing but the object goes to stdout.
        true => {
            print!("{}", process.stdout()?);
            Ok(())
        }
        false => process.run(),
    }
}

/// Measures on a broker that is up, or is started for it.
fn on_kafka(process: Process, args: &Arguments) -> Outcome {
    let mut started = Vec::new();
    if !Service::Kafka.is_given() {
        services::up(&[Service::Kafka], &mut started)?;
    }
    let measured = services::url(Service::Kafka).and_then(|url| {
        let process = process.env("KAFKA_URL", &url);
        let process = match services::pid(Service::Kafka)? {
            Some(pid) => process.env("KAFKA_PID", &pid.to_string()),
            None => process,
        };
        measure(process, args)
    });
    let stopped = services::down(&started);
    measured.and(stopped)
}

/// The words that are the table's.
fn given(args: &Arguments) -> Vec<String> {
    let mut given = Vec::new();
    for option in ["--backend", "--seconds"] {
        if let Some(value) = args.value(option) {
            given.extend([option.to_owned(), value.to_owned()]);
        }
    }
    let switches = ["--json", "--quick"].into_iter();
    given.extend(
        switches
            .filter(|switch| args.has(switch))
            .map(str::to_owned),
    );
    given
}

/// Tells it where the programs of Redis are.
fn with_redis(process: Process) -> Outcome<Process> {
    let programs = services::redis_programs()?;
    let told = programs.iter();
    Ok(told.fold(process, |process, (key, path)| process.env(key, path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_table_are_handed_on_and_are_not_for_criterion() {
        let words = ["--quick", "--backend=redis", "publish", "--criterion"];
        let failure = run(&words.map(str::to_owned)).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)), "{failure}");
        assert!(failure.to_string().contains("--backend"));
    }
}
