//! Publishing and consuming while the server is killed, stopped, or not there yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use glmsg_faults::server::RedisSetup;
use serde_json::{Value, json};

use crate::redis::{Redis, Watched};
use crate::store::{await_that, json_lines};

/// What is said when a wait begins, and when it ends.
const WAITS: &str = "waiting";
const GOES_ON: &str = "answers again";

/// So long that nothing but a signal ends a wait.
const FOR_EVER: &str = "7d";

/// How many messages a publisher has reported as stored.
fn reported(publisher: &Watched) -> u64 {
    let lines = publisher.printed();
    let stored = |line: &String| serde_json::from_str::<Value>(line).unwrap()["stored"].as_u64();
    lines.last().and_then(stored).unwrap_or(0)
}

fn stored(redis: &Redis, topic: &str) -> String {
    let run = redis.run(&["replay", topic, "--from", "earliest", "-o", "payload"]);
    run.success().text().to_owned()
}

/// Kills the server, and starts it again when the command has said that it waits.
fn kill_and_restart(redis: &Redis, waits: &mut Watched, time: usize) {
    redis.kill();
    waits.await_said(WAITS, time);
    redis.restart();
}

#[test]
fn twenty_thousand_lines_are_stored_once_and_in_order_through_four_kills() {
    let redis = Redis::start();
    let lines = json_lines(20_000);
    let mut publisher = redis.begin(&["--json", "publish", "t", "--file", "-"]);
    let parts: Vec<String> = lines
        .split_inclusive('\n')
        .collect::<Vec<_>>()
        .chunks(4000)
        .map(<[&str]>::concat)
        .collect();
    let mut fed = 0;
    for (time, part) in parts[..4].iter().enumerate() {
        publisher.feed(part);
        // In the middle of what was fed: a batch is on its way, or the next one soon.
        let enough = fed + 1000;
        publisher.await_while_running("some are stored", |p| reported(p) >= enough);
        fed += 4000;
        kill_and_restart(&redis, &mut publisher, time + 1);
    }
    publisher.feed(&parts[4]);
    publisher.end_of_input();
    assert!(publisher.ended().success(), "{:?}", publisher.said());
    let last: Value = serde_json::from_str(publisher.printed().last().unwrap()).unwrap();
    assert_eq!(
        (&last["stored"], &last["duplicates"]),
        (&json!(20_000), &json!(0))
    );
    assert_eq!(publisher.times_said(WAITS), 4, "{:?}", publisher.said());
    assert_eq!(publisher.times_said(GOES_ON), 4, "{:?}", publisher.said());
    assert!(
        stored(&redis, "t") == lines,
        "other lines, or another order"
    );
}

#[test]
fn a_consumer_goes_on_after_each_restart_and_loses_nothing() {
    let redis = Redis::start();
    let lines = json_lines(3000);
    redis.run_with(&["publish", "t"], &lines).success();
    let mut consumer = redis.begin(&["consume", "t", "-g", "g", "-o", "payload"]);
    for (time, seen) in [100, 1500].into_iter().enumerate() {
        consumer.await_printed(seen);
        kill_and_restart(&redis, &mut consumer, time + 1);
    }
    consumer.await_while_running("every line", |c| {
        c.printed().iter().collect::<BTreeSet<_>>().len() == 3000
    });
    // Nothing is left to receive: only by asking is it known that the server is there again.
    kill_and_restart(&redis, &mut consumer, 3);
    consumer.await_said(GOES_ON, 3);
    redis.run_with(&["publish", "t"], "\"late\"\n").success();
    consumer.await_while_running("the late line", |c| {
        c.printed().contains(&"\"late\"".to_owned())
    });
    consumer.signal("TERM");
    assert!(consumer.ended().success(), "{:?}", consumer.said());

    let mut printed: BTreeMap<String, usize> = BTreeMap::new();
    for line in consumer.printed() {
        *printed.entry(line).or_default() += 1;
    }
    assert_eq!(printed.len(), 3001);
    // Each kill makes no more come again than were received together.
    let again: usize = printed.values().map(|times| times - 1).sum();
    assert!(again <= 3 * 500, "{again} lines came again");
    let lag = redis.json(&["lag", "t", "--group", "g"]).remove(0);
    assert_eq!(
        (&lag["lag"], &lag["dead_letters"]),
        (&json!(0), &json!(0)),
        "{lag}"
    );
}

#[test]
fn commands_run_for_messages_go_on_after_a_restart() {
    let redis = Redis::start();
    redis.run_with(&["publish", "t"], json_lines(300)).success();
    let dir = tempfile::tempdir().unwrap();
    let handled = dir.path().join("handled");
    let exec = format!("line=$(cat); echo \"$line\" >> {}", handled.display());
    let args = ["consume", "t", "-g", "g", "--workers", "4", "--exec", &exec];
    let mut consumer = redis.begin(&[&args[..], &["-n", "300"]].concat());
    let lines = |text: &str| text.lines().filter(|l| !l.is_empty()).count();
    let read = || std::fs::read_to_string(&handled).unwrap_or_default();
    await_that("some are handled", || (lines(&read()) >= 50).then_some(()));
    kill_and_restart(&redis, &mut consumer, 1);
    assert!(consumer.ended().success(), "{:?}", consumer.said());
    let seen: BTreeSet<String> = read().lines().map(str::to_owned).collect();
    let expected = json_lines(300);
    assert!(expected.lines().all(|line| seen.contains(line)));
    assert_eq!(redis.json(&["lag", "t", "-g", "g"])[0]["lag"], 0);
}

#[test]
fn a_server_that_is_not_there_yet_is_waited_for() {
    let redis = Redis::start();
    redis.kill();
    let mut publisher = redis.begin(&["publish", "t"]);
    publisher.feed("1\n");
    publisher.end_of_input();
    let mut consumer = redis.begin(&["consume", "t", "-g", "g", "-n", "1", "-o", "payload"]);
    for command in [&mut publisher, &mut consumer] {
        command.await_said(WAITS, 1);
        let said = command.said().remove(0);
        assert!(
            said.contains(&redis.place()) && said.contains("60s"),
            "{said}"
        );
    }
    redis.restart();
    assert!(publisher.ended().success(), "{:?}", publisher.said());
    assert!(consumer.ended().success(), "{:?}", consumer.said());
    assert_eq!(publisher.printed(), ["stored 1 message in t"]);
    assert_eq!(consumer.printed(), ["1"]);
    for command in [&publisher, &consumer] {
        assert_eq!(command.times_said(WAITS), 1, "{:?}", command.said());
        assert_eq!(command.times_said(GOES_ON), 1, "{:?}", command.said());
    }
}

#[test]
fn a_wait_ends_with_its_time_and_says_what_to_do() {
    let redis = Redis::start();
    redis.run_with(&["publish", "t"], "1\n").success();
    redis.stop();
    for args in [
        &["publish", "t"][..],
        &["consume", "t", "-g", "g"],
        &["--json", "publish", "t"],
        &["-q", "consume", "t", "-g", "g"],
    ] {
        let run = redis.run_with(&[args, &["--timeout", "1.5s"]].concat(), "2\n");
        assert_eq!((run.code, run.text()), (Some(1), ""), "{}", run.stderr);
        let said: Vec<&str> = run.stderr.lines().collect();
        // With -q nothing but the failure.
        let waits = usize::from(!args.contains(&"-q"));
        assert_eq!(said.len(), 1 + waits, "{said:?}");
        assert!(
            said[..waits].iter().all(|line| line.starts_with(WAITS)),
            "{said:?}"
        );
        let last = said[waits];
        let form = match args.contains(&"--json") {
            true => "{\"level\":\"ERROR\"",
            false => "glmsg: ",
        };
        assert!(last.starts_with(form), "{last}");
        for words in [&*redis.place(), "within 1.5s", "--timeout"] {
            assert!(last.contains(words), "{words:?} is not in {last}");
        }
    }
    // A wait that began while the server was stopped, and one for what it may have got.
    redis.resume();
    let mut gives_up = redis.begin(&["publish", "other", "--batch", "1", "--timeout", "1.5s"]);
    gives_up.feed("1\n2\n");
    await_that("a message is stored", || {
        let topics = redis.json(&["topics", "list"]);
        let other = topics.iter().find(|topic| topic["topic"] == "other");
        other
            .is_some_and(|topic| topic["messages"] == 2)
            .then_some(())
    });
    redis.stop();
    gives_up.feed("3\n");
    gives_up.end_of_input();
    assert_eq!(gives_up.ended().code(), Some(1));
    let said = gives_up.said();
    let last = said.last().expect("a reason");
    for words in ["1 message may be stored", "2 before it are stored"] {
        assert!(last.contains(words), "{words:?} is not in {last}");
    }
    let mut publisher = redis.begin(&["publish", "t"]);
    publisher.feed("3\n");
    publisher.await_said(WAITS, 1);
    redis.resume();
    assert!(publisher.ended().success(), "{:?}", publisher.said());
    assert_eq!(publisher.times_said(GOES_ON), 1);
    // The stopped server takes what had reached it when it runs again: those who gave up were told.
    let stored = stored(&redis, "t");
    assert!(
        stored.lines().next() == Some("1") && stored.contains('3'),
        "{stored}"
    );
}

#[test]
fn a_server_that_stops_in_mid_run_gets_nothing_twice() {
    let redis = Redis::start();
    let lines = json_lines(6000);
    let mut publisher = redis.begin(&["--json", "publish", "t", "--batch", "100"]);
    let half = lines.match_indices('\n').nth(2999).unwrap().0 + 1;
    publisher.feed(&lines[..half]);
    publisher.await_while_running("some are stored", |p| reported(p) >= 500);
    redis.stop();
    publisher.feed(&lines[half..]);
    publisher.end_of_input();
    publisher.await_said(WAITS, 1);
    redis.resume();
    assert!(publisher.ended().success(), "{:?}", publisher.said());
    assert_eq!(reported(&publisher), 6000);
    assert!(
        stored(&redis, "t") == lines,
        "other lines, or another order"
    );
}

#[test]
fn ctrl_c_ends_a_wait_at_once() {
    let redis = Redis::start();
    redis
        .run_with(&["publish", "full", "--format", "lines"], "1\n2\n")
        .success();
    redis.run(&["groups", "create", "full", "g"]).success();
    let patient = ["--timeout", FOR_EVER];

    // In the middle of receiving, and of handling.
    let receiving = redis.begin(&[&["consume", "t", "-g", "g"], &patient[..]].concat());
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    let exec = format!("while [ ! -e {} ]; do sleep 0.05; done", gate.display());
    let handling = ["consume", "full", "-g", "g", "-n", "1", "--exec", &exec];
    let mut handling = redis.begin(&[&handling[..], &patient[..]].concat());
    let mut receiving = receiving;
    receiving.await_said("created group", 1);
    await_that("a message is handled", || {
        (redis.json(&["lag", "full"])[0]["in_flight"] == 1).then_some(())
    });
    redis.kill();

    let mut publisher = redis.begin(&[&["publish", "t"], &patient[..]].concat());
    publisher.feed("1\n");
    let mut joining = redis.begin(&[&["consume", "t", "-g", "g"], &patient[..]].concat());
    std::fs::write(&gate, "").unwrap();
    for (command, name, code, words) in [
        (&mut publisher, "INT", 1, "interrupted; nothing is stored"),
        (&mut joining, "TERM", 0, ""),
        (&mut receiving, "INT", 0, "consumed 0 messages"),
        (&mut handling, "INT", 1, "1 message may not be settled"),
    ] {
        command.await_said(WAITS, 1);
        command.signal(name);
        let status = command.ended();
        assert_eq!(status.code(), Some(code), "{:?}", command.said());
        assert!(
            command.said().last().unwrap().contains(words),
            "{:?}",
            command.said()
        );
    }
}

#[test]
fn silence_of_the_server_is_not_silence_of_the_topic() {
    let redis = Redis::start();
    let wait = Duration::from_secs(5);
    let begun = Instant::now();
    let args = ["consume", "t", "-g", "g", "--wait", "5", "-o", "payload"];
    let mut consumer = redis.begin(&args);
    consumer.await_said("created group", 1);
    redis.kill();
    consumer.await_said(WAITS, 1);
    let mut publisher = redis.begin(&["publish", "t"]);
    publisher.feed("1\n");
    publisher.end_of_input();
    await_that("the time of --wait to be over", || {
        (begun.elapsed() > wait + Duration::from_secs(1)).then_some(())
    });
    assert!(consumer.is_running(), "{:?}", consumer.said());
    redis.restart();
    assert!(publisher.ended().success());
    assert!(consumer.ended().success(), "{:?}", consumer.said());
    assert_eq!(consumer.printed(), ["1"]);
}

/// It tells nobody that it has stopped, and for some seconds a receive just takes long.
#[test]
fn a_server_that_stopped_just_now_is_no_silence_either() {
    let redis = Redis::start();
    for (group, exec) in [("printing", None), ("running", Some("cat"))] {
        let consume = ["consume", "t", "-g", group, "--wait", "1"];
        let exec = exec.map(|command| ["--exec", command]);
        let mut consumer = redis.begin(&[&consume[..], exec.as_ref().map_or(&[], |e| e)].concat());
        consumer.await_said("created group", 1);
        redis.stop();
        consumer.await_said(WAITS, 1);
        redis.resume();
        consumer.await_said("answers again", 1);
        assert!(consumer.ended().success(), "{:?}", consumer.said());
    }
}

#[test]
fn a_consumer_that_found_nothing_for_long_waits_as_long_as_any() {
    let redis = Redis::start();
    let limit = Duration::from_secs(8);
    let args = ["consume", "t", "-g", "g", "-n", "1", "-o", "payload"];
    let mut consumer = redis.begin(&[&args[..], &["--timeout", "8s"]].concat());
    consumer.await_said("created group", 1);
    let begun = Instant::now();
    await_that("nothing to have come for longer than --timeout", || {
        (begun.elapsed() > limit + Duration::from_secs(1)).then_some(())
    });
    kill_and_restart(&redis, &mut consumer, 1);
    redis.run_with(&["publish", "t"], "1\n").success();
    assert!(consumer.ended().success(), "{:?}", consumer.said());
    assert_eq!(consumer.printed(), ["1"]);
}

#[test]
fn a_wait_does_not_print_a_password() {
    let redis = Redis::set_up(RedisSetup::default().password("c4n4ry"));
    redis.kill();
    let mut publisher = redis.begin(&["publish", "t", "--timeout", "2s"]);
    publisher.feed("1\n");
    assert_eq!(publisher.ended().code(), Some(1));
    let said = publisher.said();
    assert_eq!(said.len(), 2, "{said:?}");
    for line in said {
        assert!(
            line.contains(&redis.place()) && !line.contains("c4n4ry"),
            "{line}"
        );
    }
}
