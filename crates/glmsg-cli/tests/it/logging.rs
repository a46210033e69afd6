//! Log lines: on stderr, in the form that is asked for, and none unless asked for.

use serde_json::Value;

use crate::store::Store;

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
