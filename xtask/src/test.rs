//! `cargo xtask test`: the whole matrix, as the README promises it and CI runs it.

use crate::arguments::{Arguments, Grammar};
use crate::demo::Frames;
use crate::examples::On;
use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::services::{self, Service};
use crate::steps::Steps;
use crate::{capabilities, demo, deploy, docs, examples, secrets};

pub(crate) const HELP: &str = "\
Runs the whole matrix: every test and doctest of the workspace, the conformance suite on every backend, the check of
docs/capabilities.md and of the files of deploy/, the demo with its ledger, the examples, the book and the commands on
its pages. The servers that tests need are started before, as `cargo xtask services up` does; those that were up before
stay up, and the others are stopped at the end. What all of it prints is searched for the passwords of the tests, also
what tests print that pass, which is not shown.

Usage: cargo xtask test [--backend NAME] [--long]

Options:
  --backend NAME  Only the conformance suite and the demo, on one backend: memory, sqlite, redis, kafka, or all for
                  the whole matrix
  --long          The long form of the tests that have one (GLMSG_LONG=1), and the Kafka suite on three brokers";

/// A backend of the matrix.
#[derive(Debug)]
struct Backend {
    name: &'static str,
    /// The servers its tests talk to.
    services: &'static [Service],
    /// The services that the demo runs on; one that needs none has it once.
    demos: &'static [Service],
    /// The test target that is its own, if it has one; otherwise its tests are those whose name holds its own.
    target: Option<&'static str>,
    /// A test target of its own that runs alone: its cases kill and stop processes, and with too many at a time, or others
    /// beside them, a machine has no time for any.
    alone: Option<&'static str>,
    /// What only a long run has: a test target, and the server it talks to.
    long: Option<(&'static str, Service)>,
}

/// Every service of the Redis backend.
const REDIS: &[Service] = &[
    Service::Redis7,
    Service::Redis8,
    Service::Valkey9,
    Service::Tls,
    Service::Sentinel,
    Service::Cluster,
];

/// The backends, in the order they are run.
const BACKENDS: &[Backend] = &[
    Backend {
        name: "memory",
        services: &[],
        demos: &[],
        target: None,
        alone: None,
        long: None,
    },
    Backend {
        name: "sqlite",
        services: &[],
        demos: &[],
        target: None,
        alone: None,
        long: None,
    },
    Backend {
        name: "redis",
        services: REDIS,
        demos: &[
            Service::Redis7,
            Service::Redis8,
            Service::Valkey9,
            Service::Cluster,
        ],
        target: None,
        alone: None,
        long: None,
    },
    Backend {
        name: "kafka",
        services: &[Service::Kafka, Service::KafkaSasl],
        demos: &[Service::Kafka],
        target: Some("kafka"),
        alone: Some("kafka_processes"),
        long: Some(("kafka3", Service::Kafka3)),
    },
];

/// How many cases that kill processes run at a time. Each has some processes of its own, and mostly waits.
const ALONE_THREADS: &str = "4";

/// The package that runs the conformance suite on every backend.
const SUITE: &str = "--package glmsg-tests --all-features --locked";

/// All packages, with the features that they have together.
const WORKSPACE: &str = "--workspace --all-features --locked";

pub(crate) fn run(words: &[String]) -> Outcome {
    let grammar = Grammar {
        switches: &["--long"],
        options: &["--backend"],
        ..Grammar::default()
    };
    let args = Arguments::parse(words, &grammar)?;
    let long = args.has("--long");
    let Some(name) = args.value("--backend").filter(|name| *name != "all") else {
        let matrix: Vec<&Backend> = BACKENDS.iter().collect();
        return with_servers(&matrix, long, |steps| {
            steps.run("prometheus", services::prometheus);
            everything(steps, long);
        });
    };
    let found = BACKENDS.iter().find(|backend| backend.name == name);
    let backend = found.ok_or_else(|| {
        let known: Vec<&str> = BACKENDS.iter().map(|backend| backend.name).collect();
        let known = known.join(", ");
        Failure::usage(format!(
            "there is no backend `{name}`: name one of {known}, all"
        ))
    })?;
    with_servers(&[backend], long, |steps| {
        one_backend(steps, backend, long);
    })
}

/// Runs steps between the start and the stop of the servers they need. A server that cannot be had fails the run, and a
/// failed step does not keep a server running.
fn with_servers(backends: &[&Backend], long: bool, run: impl FnOnce(&mut Steps)) -> Outcome {
    let mut steps = Steps::default();
    secrets::watch();
    let needed = needed(backends, long, Service::is_given);
    let mut started = Vec::new();
    if !needed.is_empty() {
        steps.run("services up", || services::up(&needed, &mut started));
    }
    run(&mut steps);
    if !started.is_empty() {
        steps.run("services down", || services::down(&started));
    }
    steps.run("secrets", secrets::check);
    steps.finish()
}

/// The services of some backends, each once, without those that the user brings along.
fn needed(backends: &[&Backend], long: bool, is_given: impl Fn(Service) -> bool) -> Vec<Service> {
    let uses = |backend: &Backend, service: &Service| {
        let at_length = backend.long.is_some_and(|(_, needed)| needed == *service);
        backend.services.contains(service) || long && at_length
    };
    let is_needed = |service: &Service| {
        let mut users = backends.iter();
        users.any(|backend| uses(backend, service)) && !is_given(*service)
    };
    Service::ALL.iter().copied().filter(is_needed).collect()
}

fn everything(steps: &mut Steps, long: bool) {
    // Before the tests: what it fetches is theirs, too.
    steps.run("deploy", || deploy::run(&[]));
    // Before the tests, because some of them start the binaries of other packages, which cargo does not build for them.
    // Together with the tests, because cargo would otherwise build all with two sets of features.
    let built = steps.run("build", || {
        Process::cargo("build --workspace --all-features --locked --bins --tests --examples").run()
    });
    // It fails the run by itself, and the one test that needs it besides.
    steps.run("collector", services::collector);
    if built {
        steps.run("tests", || run_tests(cargo_test(WORKSPACE, long), &[]));
        // Not in each run yet: beside other work on two cores, one of fifty cases fails now and then.
        if long {
            for backend in BACKENDS {
                run_alone(steps, backend, WORKSPACE, long);
            }
        }
        steps.run("capabilities", capabilities::check);
        if long {
            BACKENDS.iter().for_each(|backend| run_long(steps, backend));
        }
    }
    for backend in BACKENDS {
        run_demo(steps, backend);
    }
    if built {
        run_examples(steps);
    }
    docs::pages(steps);
}

fn one_backend(steps: &mut Steps, backend: &Backend, long: bool) {
    let name = backend.name;
    let built = steps.run("build", || {
        Process::cargo("build --package glmsg-tests --package glmsg-cli --all-features --locked --bins --tests").run()
    });
    if built {
        steps.run(&format!("suite {name}"), || {
            // A filter that matches nothing passes in cargo's eyes; here it is a failure.
            let listed = cargo_test(SUITE, long)
                .args(chosen(backend))
                .args(["--", "--list"])
                .stdout()?;
            if !listed.lines().any(|line| line.ends_with(": test")) {
                return Err(Failure::failed(format!(
                    "glmsg-tests has no test whose name holds `{name}`"
                )));
            }
            run_tests(cargo_test(SUITE, long).args(chosen(backend)), &[])
        });
        run_alone(steps, backend, SUITE, long);
        if long {
            run_long(steps, backend);
        }
    }
    run_demo(steps, backend);
}

/// What tells cargo which tests are a backend's.
fn chosen(backend: &Backend) -> Vec<&'static str> {
    match backend.target {
        Some(target) => vec!["--test", target],
        None => vec![backend.name],
    }
}

/// Runs the cases that have the machine to themselves, with what else is built by the same words.
fn run_alone(steps: &mut Steps, backend: &Backend, words: &str, long: bool) {
    if let Some(target) = backend.alone {
        steps.run(&format!("suite {target}"), || {
            let tests = cargo_test(words, long).args(["--test", target]);
            run_tests(tests, &["--test-threads", ALONE_THREADS])
        });
    }
}

/// Runs what only a long run has.
fn run_long(steps: &mut Steps, backend: &Backend) {
    if let Some((target, _)) = backend.long {
        steps.run(&format!("suite {target}"), || {
            run_tests(cargo_test(SUITE, true).args(["--test", target]), &[])
        });
    }
}

fn run_demo(steps: &mut Steps, backend: &Backend) {
    let name = backend.name;
    if backend.services.is_empty() {
        steps.run(&format!("demo {name}"), || demo::on_this_machine(name));
    }
    for service in backend.demos {
        let all = [("", Frames::No), (" frames", Frames::Yes)];
        // Kafka packs messages by itself.
        let forms = if name == "kafka" { &all[..1] } else { &all[..] };
        for (suffix, frames) in forms.iter().copied() {
            let step = format!("demo {}{suffix}", service.name());
            steps.run(&step, || {
                demo::on_a_server(&services::url(*service)?, frames)
            });
        }
    }
}

/// Runs the examples on what they are for: a file, and a server of each kind. They were built with all else.
fn run_examples(steps: &mut Steps) {
    steps.run("examples sqlite", || examples::built(&On::Default));
    for service in [Service::Redis7, Service::Kafka] {
        let step = format!("examples {}", service.name());
        steps.run(&step, || examples::built(&On::Service(service)));
    }
}

/// Runs tests to the last, with some words to the test runners.
fn run_tests(cargo: Process, words: &[&str]) -> Outcome {
    cargo.args(["--no-fail-fast"]).all_of_tests(words).run()
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
        assert!(
            failure
                .to_string()
                .contains("memory, sqlite, redis, kafka, all")
        );
    }

    #[test]
    fn servers_are_started_for_the_backends_that_talk_to_them() {
        let of = |name: &str| {
            let mut backends = BACKENDS.iter();
            let backend = backends.find(|backend| backend.name == name).unwrap();
            needed(&[backend], false, |_| false)
        };
        assert!(of("memory").is_empty() && of("sqlite").is_empty());
        assert_eq!(of("redis"), REDIS);
        assert_eq!(of("kafka"), [Service::Kafka, Service::KafkaSasl]);
        let all: Vec<&Backend> = BACKENDS.iter().collect();
        let at_length = needed(&all, true, |_| false);
        assert!(at_length.contains(&Service::Kafka3));
        let redis: Vec<&Backend> = all.into_iter().filter(|b| b.name == "redis").collect();
        let brought = needed(&redis, false, |service| service == Service::Cluster);
        assert_eq!(brought.len(), REDIS.len() - 1);
        assert!(!brought.contains(&Service::Cluster));
    }
}
