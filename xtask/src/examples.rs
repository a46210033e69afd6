//! The examples as tests: each is run as a reader would run it, and must end with the numbers that it promises.

use std::time::{Duration, Instant, SystemTime};

use crate::arguments::{Arguments, Grammar};
use crate::failure::{Failure, Outcome};
use crate::process::{Printed, Process};
use crate::services::{self, Service};
use crate::steps::Steps;
use crate::workspace;

pub(crate) const HELP: &str = "\
Builds and runs the ten examples, each in a namespace of its own, and checks how each one ends. Where a broker has not
what an example shows, that is said, and is no failure. The server that a backend needs is started before, as `cargo
xtask services up` does; one that was up before stays up, and another is stopped at the end.

Usage: cargo xtask examples [--backend NAME | --broker URL]

Options:
  --backend NAME  memory, sqlite, redis or kafka. Default: sqlite
  --broker URL    A broker that is there";

/// The examples in the order of their numbers, each with its last line.
const EXAMPLES: [(&str, &str); 10] = [
    ("basic", "ok: 100 published, 100 handled, 45050 miles"),
    (
        "batch",
        "ok: 1000 published, 100 of them twice, 1000 received",
    ),
    (
        "request_reply",
        "ok: 60 answered, 1 refused, 1 unavailable, 1 timed out",
    ),
    ("work_queue", "ok: 220 submitted, 220 done, 4 retried"),
    (
        "pub_sub",
        "ok: 50 published; archive 50, delays 30, zurich 20",
    ),
    ("event_sourcing", "ok: 6 events, 1 conflict, 149 aboard"),
    ("saga", "ok: 2 completed, 1 compensated, 6 bookings stand"),
    (
        "circuit_breaker",
        "ok: 300 published, 300 handled, 0 dead letters",
    ),
    ("dead_letter", "ok: 20 published, 17 handled, 3 purged"),
    (
        "monitoring",
        "ok: 100 published, 60 acked, behind by 40, then by 0",
    ),
];

/// How long one may take. They take a second or two, on Kafka some more.
const LIMIT: Duration = Duration::from_secs(240);

/// What all are built with: the features of the whole workspace, so that nothing is compiled twice.
const BUILD: &str = "build --workspace --all-features --locked --examples";

/// Where the examples are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum On {
    /// Nothing is said: an example makes a file and removes it.
    Default,
    Url(String),
    Service(Service),
}

pub(crate) fn run(words: &[String]) -> Outcome {
    let on = parse(words)?;
    let mut steps = Steps::default();
    let mut started = Vec::new();
    let mut is_up = true;
    if let On::Service(service) = on
        && !service.is_given()
    {
        is_up = steps.run("services up", || services::up(&[service], &mut started));
    }
    if is_up && steps.run("build", || Process::cargo(BUILD).run()) {
        steps.run("examples", || built(&on));
    }
    if !started.is_empty() {
        steps.run("services down", || services::down(&started));
    }
    steps.finish()
}

fn parse(words: &[String]) -> Outcome<On> {
    let grammar = Grammar {
        options: &["--backend", "--broker"],
        ..Grammar::default()
    };
    let args = Arguments::parse(words, &grammar)?;
    match (args.value("--broker"), args.value("--backend")) {
        (Some(_), Some(_)) => Err(Failure::usage("say --broker or --backend, not both")),
        (Some(url), None) => Ok(On::Url(url.to_owned())),
        (None, None | Some("sqlite")) => Ok(On::Default),
        (None, Some("memory")) => Ok(On::Url("memory:".to_owned())),
        (None, Some("redis")) => Ok(On::Service(Service::Redis7)),
        (None, Some("kafka")) => Ok(On::Service(Service::Kafka)),
        (None, Some(name)) => Err(Failure::usage(format!(
            "there is no backend `{name}`: name one of memory, sqlite, redis, kafka"
        ))),
    }
}

/// Runs all of them, which must be built. One that fails does not hide the next one.
pub(crate) fn built(on: &On) -> Outcome {
    // Short: Kafka takes namespaces of 40 characters.
    let unique = SystemTime::UNIX_EPOCH.elapsed();
    let unique = unique.map_or(0, |since| since.as_millis());
    let (url, namespace) = match on {
        On::Default => (None, String::new()),
        // Every run has names of its own. One namespace for all runs keeps what a server remembers of namespaces bounded.
        On::Url(url) => (Some(url.clone()), "examples".to_owned()),
        On::Service(service) => (Some(services::url(*service)?), format!("examples-{unique}")),
    };
    let binaries = workspace::target_directory()?.join("debug/examples");
    let mut failed = Vec::new();
    for (name, expected) in EXAMPLES {
        let began = Instant::now();
        let mut example = Process::new(&binaries.join(name).to_string_lossy());
        if let Some(url) = &url {
            let namespace = format!("{namespace}-{}", name.replace('_', "-"));
            example = example.args(["--broker", &in_namespace(url, &namespace)]);
        }
        let printed = example.printed(LIMIT)?;
        let ended = ended(&printed, expected);
        let seconds = began.elapsed().as_secs_f64();
        match &ended {
            Ok(line) => println!("{name:15}  {seconds:5.1} s  {line}"),
            Err(why) => {
                println!("{name:15}  {seconds:5.1} s  FAILED: {why}");
                println!("{}", printed.text.trim_end());
                failed.push(name);
            }
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure::failed(format!(
            "{} of {} examples failed: {}",
            failed.len(),
            EXAMPLES.len(),
            failed.join(", ")
        ))),
    }
}

/// How it ended: its last line, or what is wrong.
fn ended(printed: &Printed, expected: &str) -> Result<String, String> {
    if printed.is_late {
        return Err(format!("it took more than {} s", LIMIT.as_secs()));
    }
    // An error follows on stderr.
    let last = |start: &str| {
        let mut lines = printed.text.lines().rev();
        lines
            .find(|line| line.starts_with(start))
            .map(str::to_owned)
    };
    if !printed.has_succeeded {
        return last("unsupported: ").ok_or_else(|| "it ended with an error".to_owned());
    }
    match last("ok: ") {
        Some(line) if line == expected => Ok(line),
        Some(line) => Err(format!("expected `{expected}`, found `{line}`")),
        None => Err(format!("expected `{expected}`, found no line `ok: …`")),
    }
}

/// The address with a namespace of the example's own, where servers have namespaces and none is named.
fn in_namespace(url: &str, namespace: &str) -> String {
    let has_namespaces = url.starts_with("redis") || url.starts_with("kafka");
    if !has_namespaces || url.contains("namespace=") {
        return url.to_owned();
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}namespace={namespace}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Outcome<On> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    fn printed(has_succeeded: bool, text: &str) -> Printed {
        Printed {
            has_succeeded,
            is_late: false,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_backend_or_a_broker_is_named_and_not_both() {
        assert_eq!(parsed("").unwrap(), On::Default);
        assert_eq!(parsed("--backend sqlite").unwrap(), On::Default);
        let redis = On::Service(Service::Redis7);
        assert_eq!(parsed("--backend redis").unwrap(), redis);
        let memory = On::Url("memory:".to_owned());
        assert_eq!(parsed("--backend memory").unwrap(), memory);
        assert_eq!(parsed("--broker memory:").unwrap(), memory);
        for line in [
            "--backend redsi",
            "--backend redis --broker memory:",
            "basic",
        ] {
            assert!(matches!(parsed(line), Err(Failure::Usage(_))), "{line}");
        }
    }

    #[test]
    fn only_the_promised_numbers_pass() {
        let (expected, good) = ("ok: 2 handled", "two flights\nok: 2 handled\n");
        assert_eq!(ended(&printed(true, good), expected).unwrap(), expected);
        let other = ended(&printed(true, "ok: 1 handled"), expected).unwrap_err();
        assert_eq!(other, "expected `ok: 2 handled`, found `ok: 1 handled`");
        assert!(ended(&printed(true, "nothing"), expected).is_err());
        assert!(ended(&printed(false, good), expected).is_err());
        let late = Printed {
            is_late: true,
            ..printed(false, good)
        };
        assert!(ended(&late, expected).unwrap_err().contains("more than"));
    }

    #[test]
    fn what_a_broker_cannot_do_is_told_as_such() {
        let unsupported = "unsupported: open storage: the kafka backend keeps none";
        let text = format!("{unsupported}\nError: and more\n");
        let told = ended(&printed(false, &text), "ok: 2 handled");
        assert_eq!(told.unwrap(), unsupported);
    }

    #[test]
    fn servers_have_namespaces_and_files_have_none() {
        let named = |url| in_namespace(url, "one");
        assert_eq!(named("redis://a:1"), "redis://a:1?namespace=one");
        assert_eq!(
            named("kafka://a:1?timeout_ms=9"),
            "kafka://a:1?timeout_ms=9&namespace=one"
        );
        for same in ["memory:", "sqlite:a.db", "redis://a:1?namespace=mine"] {
            assert_eq!(named(same), same);
        }
    }

    #[test]
    fn every_example_of_the_facade_is_run() {
        let facade = workspace::member("glmsg").unwrap();
        let examples = facade.targets.iter().filter(|t| t.kind == "example");
        let mut found: Vec<&str> = examples.map(|target| target.name.as_str()).collect();
        let mut run = EXAMPLES.map(|(name, _)| name);
        found.sort_unstable();
        run.sort_unstable();
        assert_eq!(found, run);
    }
}
