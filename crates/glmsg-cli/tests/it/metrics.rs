//! `--metrics`: what a command has done, as a scrape finds it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::store::{Store, await_that, bare};

/// What a command told of its endpoint, the last line that it printed, and what a scrape after the
/// end of its work gives. The command ends by itself once it was scraped.
pub(crate) fn scraped_at_its_end(mut command: Command) -> (Value, String) {
    let mut child = command
        .args(["--metrics", "127.0.0.1:0", "--metrics-hold", "100s"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap());
    let address = endpoint(&mut notes);
    // Nobody else reads it, and a full pipe would stop the command.
    std::thread::spawn(move || std::io::copy(&mut notes, &mut std::io::sink()));
    let mut line = String::new();
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    printed.read_line(&mut line).unwrap();
    // To the end: a command whose output nobody reads has nothing more to do.
    let reading = std::thread::spawn(move || {
        let mut rest = String::new();
        printed.read_to_string(&mut rest).map(|_| rest)
    });
    // A scrape that began before the end is not the last one: that ends the command.
    let mut answer = String::new();
    let ended = await_that("the end of a command that was scraped", || {
        if let Ok(found) = scrape(&address) {
            answer = found;
        }
        child.try_wait().unwrap()
    });
    assert!(ended.success(), "{line}");
    // One that stores its input as it comes tells of each part.
    line += &reading.join().unwrap().unwrap();
    let last = line.lines().last().unwrap();
    (serde_json::from_str(last).unwrap(), answer)
}

/// The address of the endpoint that a command tells of.
pub(crate) fn endpoint(notes: &mut impl BufRead) -> String {
    loop {
        let mut note = String::new();
        assert!(
            notes.read_line(&mut note).unwrap() > 0,
            "no endpoint was told"
        );
        if let Some((_, url)) = note.trim().split_once("http://") {
            return url.trim_end_matches("/metrics").to_owned();
        }
    }
}

fn scrape(address: &str) -> std::io::Result<String> {
    let answer = get(address, "/metrics")?;
    match answer.starts_with("HTTP/1.1 200 OK") {
        true => Ok(answer),
        false => Err(std::io::Error::other(answer)),
    }
}

/// What the endpoint answers.
pub(crate) fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[track_caller]
pub(crate) fn shows(answer: &str, name: &str, labels: &str, count: u64) {
    let expected = format!("{name}{{{labels}}} {count}");
    // Gauges are written with a fraction.
    let found = answer
        .lines()
        .any(|line| line.trim_end_matches(".0") == expected);
    let named = answer.lines().filter(|line| line.starts_with(name));
    assert!(found, "no {expected} in {:#?}", named.collect::<Vec<_>>());
}

const AGENTS: &str = "topic=\"flights\",group=\"agents\"";
const TOTALS: &str = "topic=\"emissions\",group=\"totals\"";

#[test]
fn the_demo_in_memory_exposes_what_its_ledger_says() {
    let (ledger, answer) = scraped_at_its_end(bare(&["--json", "--broker", "memory:", "demo"]));
    let number = |name: &str| ledger[name].as_u64().unwrap();
    shows(
        &answer,
        "messages_published_total",
        "topic=\"flights\"",
        number("published"),
    );
    shows(&answer, "messages_acked_total", TOTALS, number("processed"));
    shows(&answer, "messages_acked_total", AGENTS, 20_000);
    // Retries are not compared: the ledger counts attempts that an agent has begun, the metrics
    // deliveries, and what the killed agent had taken and not begun is one without the other.
    shows(&answer, "consumer_lag_messages", AGENTS, 0);
    shows(
        &answer,
        "dead_letters_messages",
        AGENTS,
        number("dead_lettered"),
    );
}

/// Its agents are other processes: this one has published, and added up.
#[test]
fn the_demo_on_a_file_exposes_what_this_process_did() {
    let (ledger, answer) = scraped_at_its_end(bare(&["--json", "demo"]));
    let number = |name: &str| ledger[name].as_u64().unwrap();
    shows(
        &answer,
        "messages_published_total",
        "topic=\"flights\"",
        number("published"),
    );
    shows(&answer, "messages_acked_total", TOTALS, number("processed"));
    shows(&answer, "consumer_lag_messages", AGENTS, 0);
}

#[test]
fn publish_and_consume_expose_what_they_did() {
    let store = Store::new();
    let lines = store.file("lines", "1\n2\n3\n");
    let publish = store.command(&["--json", "publish", "t", "--file", &lines]);
    let (stored, answer) = scraped_at_its_end(publish);
    assert_eq!(stored["stored"], 3);
    shows(&answer, "messages_published_total", "topic=\"t\"", 3);

    let consume = store.command(&["consume", "t", "--group", "g", "--count", "3"]);
    let (_, answer) = scraped_at_its_end(consume);
    let labels = "topic=\"t\",group=\"g\"";
    shows(&answer, "messages_acked_total", labels, 3);
    shows(&answer, "consumer_lag_messages", labels, 0);
}

#[test]
fn the_times_of_commands_are_those_of_a_handler() {
    let store = Store::new();
    store.publish("t", "1\n2\n3\n");
    // Each fails once.
    let command = "echo 0; test $GLMSG_ATTEMPT = 2";
    let consume = [
        "consume", "t", "--group", "g", "--count", "3", "--exec", command,
    ];
    let (_, answer) = scraped_at_its_end(store.command(&consume));
    let labels = "topic=\"t\",group=\"g\"";
    shows(&answer, "message_handling_seconds_count", labels, 6);
    shows(&answer, "messages_acked_total", labels, 3);
}

#[test]
fn a_consumer_watches_its_own_group_alone() {
    let store = Store::new();
    store.publish("t", "1\n2\n");
    store.run(&["groups", "create", "t", "other"]).success();
    let consume = ["consume", "t", "--group", "g", "--count", "1"];
    let (_, answer) = scraped_at_its_end(store.command(&consume));
    shows(
        &answer,
        "consumer_lag_messages",
        "topic=\"t\",group=\"g\"",
        1,
    );
    assert!(!answer.contains("group=\"other\""), "{answer}");
}

#[test]
fn an_endpoint_that_makes_no_sense_is_refused() {
    let store = Store::new();
    let run = store.run_with(&["publish", "t", "--metrics", "nowhere"], "1\n");
    run.fails(2, &["--metrics"]);
    let run = store.run_with(&["publish", "t", "--metrics", "192.0.2.1:80"], "1\n");
    run.fails(1, &["cannot listen", "name an address of this machine"]);
}
