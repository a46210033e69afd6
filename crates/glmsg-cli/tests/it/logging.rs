//! Log lines: on stderr, in the form that is asked for, and none unless asked for.

use serde_json::Value;

use crate::store::{Run, Store, bare, finish};

/// A run with these settings in a file, and nothing else said.
fn by_file(store: &Store, settings: &str, args: &[&str], stdin: &str) -> Run {
    let file = store.file("glmsg.yaml", settings);
    let mut command = store.command(args);
    command.env("GLMSG_CONFIG", file);
    finish(command, stdin.as_bytes())
}

#[test]
fn log_lines_are_objects_on_stderr_and_stdout_stays_data() {
    let store = Store::new();
    let args = ["--log-level", "info", "--log-format", "json", "-q"];
    let args = [&args[..], &["topics", "create", "flights"]].concat();
    let run = store.run(&args).success();
    let lines: Vec<Value> = run
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let line = lines
        .iter()
        .find(|line| line["target"] == "glmsg_sqlite::schema");
    assert_eq!(line.unwrap()["level"], "INFO");
    assert!(!String::from_utf8_lossy(&run.stdout).contains("schema"));
}

/// Who collects the lines reads one form, whoever wrote them.
#[test]
fn what_a_command_says_itself_is_an_object_too_where_the_log_is() {
    let store = Store::new();
    store.publish("t", "1\n");
    let json = ["--log-format", "json", "--log-level", "error"];
    let run = |args: &[&str]| store.run(&[&json, args].concat());
    let said = |run: &Run| -> Vec<Value> {
        let lines = run.stderr.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let consumed = run(&["consume", "t", "--group", "g", "--count", "1"]).success();
    let notes = said(&consumed);
    assert!(
        notes.iter().all(|note| note["level"] == "INFO"),
        "{notes:?}"
    );
    let created = notes[0]["message"].as_str().unwrap();
    assert!(created.starts_with("created group g of t"), "{created}");
    assert!(notes[0]["timestamp"].as_str().unwrap().ends_with('Z'));

    let failed = said(&run(&["lag", "t", "--group", "nobody"]));
    let [line] = &failed[..] else {
        panic!("one line: {failed:?}");
    };
    assert_eq!(line["level"], "ERROR");
    let said = line["message"].as_str().unwrap();
    assert!(said.contains("nobody"), "{said}");
}

#[test]
fn nothing_is_logged_unless_asked_for() {
    let store = Store::new();
    let run = store.run(&["-q", "topics", "create", "flights"]).success();
    assert_eq!(run.stderr, "");
}

#[test]
fn the_environment_sets_the_level() {
    let store = Store::new();
    let mut command = store.command(&["-q", "topics", "create", "flights"]);
    command.env("GLMSG_LOG_LEVEL", "INFO");
    let run = crate::store::finish(command, b"").success();
    assert!(run.stderr.contains("schema"), "{}", run.stderr);
}

#[test]
fn a_level_that_is_none_is_a_usage_error() {
    let store = Store::new();
    for (option, value) in [("--log-level", "loud"), ("--log-format", "xml")] {
        store
            .run(&[option, value, "topics", "list"])
            .fails(2, &[option]);
    }
}

#[test]
fn the_file_sets_the_level_and_an_option_wins() {
    let create = ["-q", "topics", "create", "flights"];
    for (level, is_said) in [("DEBUG", true), ("INFO", true), ("WARNING", false)] {
        let settings = format!("log_level: {level}\n");
        let run = by_file(&Store::new(), &settings, &create, "").success();
        assert_eq!(run.stderr.contains(" INFO "), is_said, "{}", run.stderr);
    }
    let quiet = [&["--log-level", "error"][..], &create].concat();
    let run = by_file(&Store::new(), "log_level: DEBUG\n", &quiet, "").success();
    assert_eq!(run.stderr, "");
}

/// Some of the demo's attempts fail, which is no news but for whoever looks for a mistake.
#[test]
fn debug_shows_failed_attempts_and_info_does_not() {
    for (level, is_said) in [("DEBUG", true), ("INFO", false)] {
        let mut command = bare(&["--broker", "memory:", "demo"]);
        command.env("GLMSG_LOG_LEVEL", level);
        let run = finish(command, b"").success();
        assert_eq!(run.stderr.contains("attempt failed"), is_said);
    }
}

/// The lines of a group that fails at a message, tried twice.
fn failures(args: &[&str]) -> (String, Vec<Value>) {
    let store = Store::new();
    let publish = ["publish", "flights", "--max-retries", "1"];
    store.run_with(&publish, "1\n").success();
    let before = [
        "--log-level",
        "debug",
        "--log-format",
        "json",
        "-q",
        "consume",
    ];
    let run = store.run(&[&before[..], &["flights", "-g", "agents"], args].concat());
    let lines: Vec<Value> = run
        .success()
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ends = |line: &Value| ["attempt failed", "dead letter"].map(|m| line["message"] == m);
    let lines = lines.into_iter().filter(|line| ends(line).contains(&true));
    let letter = store
        .json(&["dlq", "list", "flights", "-g", "agents"])
        .remove(0);
    (
        letter["id"].as_str().unwrap().to_owned(),
        lines.collect::<Vec<_>>(),
    )
}

#[test]
fn a_command_that_fails_is_in_the_log_as_a_handler_is() {
    let (id, lines) = failures(&["-n", "1", "--exec", "exit 3"]);
    let error = "the command ended with exit code 3";
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, (level, message, attempt)) in lines
        .iter()
        .zip([("DEBUG", "attempt failed", 1), ("WARN", "dead letter", 2)])
    {
        assert_eq!(line["level"], level, "{line}");
        assert_eq!(line["message"], message, "{line}");
        assert_eq!(line["target"], "glmsg_broker::consumer::attempt", "{line}");
        assert_eq!(line["attempt"], attempt, "{line}");
        assert_eq!(line["id"], id, "{line}");
        assert_eq!(line["topic"], "flights", "{line}");
        assert_eq!(line["group"], "agents", "{line}");
        assert_eq!(line["error"], error, "{line}");
        let span = &line["spans"][0];
        assert_eq!(span["name"], "process", "{line}");
        assert_eq!(span["messaging.message.id"], id, "{line}");
    }
    assert_eq!(lines[0]["outcome"], "failed");
    assert_eq!(lines[1]["reason"], "max-retries");
}

#[test]
fn what_was_printed_and_is_no_good_is_in_the_log_too() {
    let nack = ["-n", "2", "--settle", "nack", "--reason", "no seat left"];
    let (id, lines) = failures(&nack);
    let messages: Vec<&Value> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(messages, ["attempt failed", "dead letter"]);
    for line in &lines {
        assert_eq!(
            (&line["id"], &line["error"]),
            (&id.as_str().into(), &"no seat left".into())
        );
    }
    let (id, lines) = failures(&["-n", "1", "--settle", "reject"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["id"], id);
    assert_eq!(lines[0]["reason"], "rejected");
}

#[test]
fn the_file_sets_the_form_of_the_lines() {
    let store = Store::new();
    let create = ["-q", "topics", "create", "flights"];
    let run = by_file(&store, "log:\n  format: json\n", &create, "").success();
    assert!(!run.stderr.is_empty());
    for line in run.stderr.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["level"], "INFO");
    }
}

#[test]
fn each_message_is_logged_without_its_payload_where_the_file_says_so() {
    let store = Store::new();
    let settings = "log_messages: true\nlog_level: WARNING\n";
    let publish = ["-q", "publish", "flights"];
    let lines = "\"canary\"\n2\n3\n";
    let run = by_file(&store, settings, &publish, lines).success();
    let published = run.stderr.lines().filter(|line| line.contains("published"));
    assert_eq!(published.count(), 3, "{}", run.stderr);
    assert!(run.stderr.contains("bytes=8"), "{}", run.stderr);
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);

    let consume = ["-q", "consume", "flights", "-g", "agents", "-n", "2"];
    let run = by_file(&store, settings, &consume, "").success();
    let received = run.stderr.lines().filter(|line| line.contains("received"));
    assert_eq!(received.count(), 2, "{}", run.stderr);
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);

    // Without the key there is none.
    let run = by_file(&store, "log_level: WARNING\n", &publish, lines).success();
    assert_eq!(run.stderr, "");
}
