//! `cargo xtask chaos`: the cases of the fault matrix, for longer than every run of the tests can afford.

mod table;

use crate::arguments::{Arguments, Grammar};
use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::services::{self, Service};
use crate::steps::Steps;
use crate::workspace;

pub(crate) const HELP: &str = "\
Runs the cases of the fault matrix on the Redis and Kafka backends, and prints a table of what came of each: what was published, acknowledged,
lost, not answered, stored or handled twice, the longest time in which nobody could publish, and the verdict. A second table has
what was lost by durability and fault, how much of it was found out, and how much stored again. The servers that are needed are
started before, as `cargo xtask services up` does.

Usage: cargo xtask chaos [CASE] [--long] [--soak SECONDS]

Without --long: the short cases of `cargo xtask test` in their long form (GLMSG_LONG=1), and a minute of soak.

Arguments:
  CASE            Only the cases whose name holds it: \"f13\", \"server_killed\", \"seed_2\"

Options:
  --long          Also the cases that are in no other run: F1 and F2 with the log flushed always and each second, F7 the clock
                  jumps, F12 and F13 Sentinel failover without and with a partition, F14 a Cluster whose slots move, F16 one
                  and two of three Kafka brokers killed, F18 transactions on Kafka interrupted at every step, a thousand
                  subscriptions of a group and a backlog of 1 GB on Kafka; and half an hour of soak, F33
  --soak SECONDS  How long the soak goes on";

/// What the cases talk to, and whose programs they start.
const SERVICES: &[Service] = &[
    Service::Redis7,
    Service::Redis8,
    Service::Valkey9,
    Service::Tls,
    Service::Kafka,
];
/// How long the soak goes on, without and with `--long`.
const SOAK: (u64, u64) = (60, 1800);

pub(crate) fn run(words: &[String]) -> Outcome {
    let grammar = Grammar {
        switches: &["--long"],
        options: &["--soak"],
        name: Some("CASE"),
        ..Grammar::default()
    };
    let args = Arguments::parse(words, &grammar)?;
    let long = args.has("--long");
    let soak = match (args.value("--soak"), long) {
        (Some(seconds), _) => seconds
            .parse()
            .map_err(|_| Failure::usage(format!("`--soak {seconds}` is no number of seconds")))?,
        (None, false) => SOAK.0,
        (None, true) => SOAK.1,
    };
    let rows = workspace::target_directory()?.join("chaos-rows.tsv");
    // What a run before has left is none of this one's.
    let _ = std::fs::remove_file(&rows);
    let run = Run {
        filter: args.name.unwrap_or_default(),
        rows: rows.display().to_string(),
        soak,
    };
    let mut steps = Steps::default();
    let mut started = Vec::new();
    let needed = SERVICES
        .iter()
        .copied()
        .filter(|service| !service.is_given());
    let needed: Vec<Service> = needed.collect();
    let is_up = steps.run("services up", || services::up(&needed, &mut started));
    if is_up && steps.run("build", build) {
        // Few at a time: what a case measures is its own, not its neighbours'.
        run.target(&mut steps, "faults", "", 2);
        run.target(&mut steps, "chaos", if long { "" } else { "f33" }, 1);
        if long {
            // F18.
            run.target(&mut steps, "kafka_processes", "exactly_once_", 1);
        }
    }
    if !started.is_empty() {
        steps.run("services down", || services::down(&started));
    }
    let found = std::fs::read_to_string(&rows).unwrap_or_default();
    println!("\n{}", table::cases(&found));
    if let Some(losses) = table::losses(&found) {
        println!("{losses}");
    }
    steps.finish()
}

fn build() -> Outcome {
    Process::cargo("build --package glmsg-tests --all-features --locked --bins").run()
}

/// What is to be run.
struct Run {
    filter: String,
    rows: String,
    soak: u64,
}

impl Run {
    /// Runs the cases of one test target whose names hold what was asked for, and also `only`.
    fn target(&self, steps: &mut Steps, target: &str, only: &str, threads: usize) {
        let is_chosen = |name: &&str| name.contains(only) && name.contains(&self.filter);
        let mut chosen = Vec::new();
        let is_listed = steps.run(&format!("cases of {target}"), || {
            let listed = self.cargo(target).args(["--", "--list"]).stdout()?;
            let tests = listed
                .lines()
                .filter_map(|line| line.strip_suffix(": test"));
            chosen = tests.filter(is_chosen).map(str::to_owned).collect();
            println!("{}", chosen.join("\n"));
            Ok(())
        });
        if !is_listed || chosen.is_empty() {
            return;
        }
        steps.run(target, || {
            let threads = threads.to_string();
            let words = ["--", "--exact", "--nocapture", "--test-threads", &threads];
            self.cargo(target).args(words).args(&chosen).run()
        });
    }

    fn cargo(&self, target: &str) -> Process {
        Process::cargo("test --package glmsg-tests --all-features --locked")
            .args(["--test", target])
            .env("GLMSG_LONG", "1")
            .env("GLMSG_SOAK_SECONDS", &self.soak.to_string())
            .env("GLMSG_CHAOS_ROWS", &self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_is_no_number_is_a_usage_error() {
        let words = ["--long", "--soak", "long"].map(str::to_owned);
        let failure = run(&words).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)), "{failure}");
    }
}
