//! Settings from files and the environment, through the command line.

use serde_json::Value;

use crate::redis::Redis;
use crate::store::{Run, Store, bare, finish};

/// The original's file, as `glmsg-config` tests it.
const ORIGINAL: &str = include_str!("../../../glmsg-config/tests/it/files/messaging.yaml");

const CANARY: &str = "c4n4ry";

/// A run with a file of settings and variables, and no broker named otherwise.
fn run(store: &Store, file: &str, variables: &[(&str, &str)], args: &[&str], stdin: &str) -> Run {
    let mut command = bare(args);
    command
        .current_dir(store.path(""))
        .env("GLMSG_CONFIG", file)
        .envs(variables.iter().copied());
    finish(command, stdin.as_bytes())
}

/// A run with a file of settings alone.
fn by_file(store: &Store, file: &str, args: &[&str]) -> Run {
    run(store, file, &[], args, "")
}

#[test]
fn the_originals_file_and_variables_drive_a_real_server() {
    let redis = Redis::start();
    let store = Store::new();
    let file = store.file("messaging.yaml", ORIGINAL);
    let place = redis.place();
    let (host, port) = place
        .trim_start_matches("redis://")
        .rsplit_once(':')
        .unwrap();
    let variables = [
        ("GREENLANG_REDIS_HOST", host),
        ("GREENLANG_REDIS_PORT", port),
    ];
    let run = |args: &[&str], stdin: &str| run(&store, &file, &variables, args, stdin);

    run(&["publish", "jobs"], "1\n2\n3\n").success();
    let got = run(
        &["consume", "jobs", "-g", "g", "-n", "3", "-o", "payload"],
        "",
    );
    assert_eq!(got.success().text(), "1\n2\n3\n");
    let topics = run(&["--json", "topics"], "").success().objects();
    assert_eq!(topics[0]["max_len"], 100_000, "{topics:?}");

    // The server that the option names, and what else the file says.
    let named = run(&["--broker", &place, "--json", "topics"], "").success();
    assert_eq!(named.objects().len(), 1);

    // It keeps a log on its disk, so that production takes it, too.
    let strict = [variables[0], variables[1], ("GLMSG_PROFILE", "production")];
    let taken = self::run(&store, &file, &strict, &["topics"], "");
    taken.success();
}

#[test]
fn production_refuses_a_server_that_keeps_no_log() {
    use glmsg_faults::server::RedisSetup;

    let redis = Redis::set_up(RedisSetup::default().args(["--appendonly", "no"]));
    let store = Store::new();
    let file = store.file("glmsg.yaml", format!("broker: {}\n", redis.place()));
    by_file(&store, &file, &["topics"]).success();
    let strict = [("GLMSG_PROFILE", "production")];
    run(&store, &file, &strict, &["topics"], "").fails(
        2,
        &[
            "the profile production refuses this broker",
            "keeps no log",
            "appendonly",
        ],
    );
}

#[test]
fn consuming_and_publishing_go_by_the_file() {
    let store = Store::new();
    let file = store.file(
        "glmsg.toml",
        "[sqlite]\npath = \"jobs.db\"\n[topic]\nmax_len = 2\n[message]\nmax_retries = 0\n\
         [consumer]\ngroup = \"workers\"\nstart = \"latest\"\n",
    );
    let run = |args: &[&str], stdin: &str| run(&store, &file, &[], args, stdin);
    run(&["publish", "jobs"], "1\n").success();
    assert!(store.path("jobs.db").exists());

    // The group begins behind what is there, as the file says.
    let none = run(&["consume", "jobs", "-w", "0"], "").success();
    assert_eq!(none.text(), "");
    let groups = run(&["--json", "groups", "list", "jobs"], "")
        .success()
        .objects();
    assert_eq!(groups[0]["group"], "workers", "{groups:?}");

    // Without a retry one failure makes a dead letter.
    run(&["publish", "jobs"], "2\n").success();
    run(&["consume", "jobs", "-n", "1", "--exec", "false"], "").success();
    let letters = run(&["--json", "dlq", "list", "jobs", "-g", "workers"], "").success();
    assert_eq!(letters.objects().len(), 1);
    // Whose they are, the file says too.
    for look in ["list", "show"] {
        let args = ["--json", "dlq", look, "jobs"];
        let same = run(&args, "").success();
        assert_eq!(same.text(), letters.text());
    }
    run(&["dlq", "list", "jobs", "-g", "others"], "").fails(1, &["group: others"]);
    let redriven = run(&["dlq", "redrive", "jobs", "--all"], "").success();
    assert_eq!(
        redriven.text(),
        "redriven 1 dead letter of workers in jobs\n"
    );
    run(&["consume", "jobs", "-n", "1", "--exec", "false"], "").success();
    let purged = run(&["dlq", "purge", "jobs", "--all"], "").success();
    assert_eq!(purged.text(), "purged 1 dead letter of workers in jobs\n");

    // An option wins over the file.
    let mine = [
        "consume", "jobs", "-g", "mine", "--start", "earliest", "-n", "2", "-o", "payload",
    ];
    assert_eq!(run(&mine, "").success().text(), "1\n2\n");
}

#[test]
fn a_cap_of_retries_also_holds_for_messages_that_allow_more() {
    let store = Store::new();
    store.publish("jobs", "1\n");
    let mut command = store.command(&["consume", "jobs", "-g", "g", "-n", "1", "--settle", "nack"]);
    command.env("GLMSG_MESSAGE__MAX_RETRIES", "0");
    finish(command, b"").success();
    assert_eq!(store.json(&["dlq", "list", "jobs", "-g", "g"]).len(), 1);
}

#[test]
fn topics_are_created_by_the_settings() {
    let store = Store::new();
    let file = store.file(
        "g.yaml",
        "topic:\n  max_len: 7\n  overflow: drop-oldest\nsqlite: {path: x.db}\n",
    );
    by_file(&store, &file, &["topics", "create", "a"]).success();
    by_file(&store, &file, &["topics", "create", "b", "--max-len", "9"]).success();
    let topics = by_file(&store, &file, &["--json", "topics"]).success();
    let lengths: Vec<Value> = topics
        .objects()
        .iter()
        .map(|topic| topic["max_len"].clone())
        .collect();
    assert_eq!(lengths, [7, 9]);
}

#[test]
fn a_check_tells_file_line_and_key() {
    let store = Store::new();
    let bad = store.file("bad.yaml", "redis:\n  host: a\n  prot: 6379\n");
    let named = format!("{bad}:3");
    by_file(&store, &bad, &["config", "check"]).fails(
        2,
        &[
            "there is no key redis.prot",
            &named,
            "did you mean redis.port?",
        ],
    );
    // Also before any other command.
    by_file(&store, &bad, &["topics"]).fails(2, &["redis.prot"]);
    // What only the backend knows.
    let odd = store.file("odd.yaml", "redis:\n  tls: on\n  tls_cert: /c\n");
    by_file(&store, &odd, &["config", "check"]).fails(2, &["cert and key belong together"]);
    let good = store.file("good.json", "{\"redis\": {\"host\": \"db\"}}");
    let said = by_file(&store, "none.yaml", &["config", "check", &good]).success();
    assert_eq!(
        said.text(),
        "the settings make sense: redis://db:6379/0, development\n"
    );
    by_file(&store, "none.yaml", &["topics"]).fails(2, &["none.yaml", "cannot be read"]);
    run(&store, "", &[("GLMSG_REDIS__PROT", "1")], &["topics"], "")
        .fails(2, &["GLMSG_REDIS__PROT", "did you mean GLMSG_REDIS__PORT?"]);
}

#[test]
fn a_check_tells_every_mistake_and_other_commands_the_first() {
    let store = Store::new();
    let bad = store.file(
        "bad.yaml",
        "redis:\n  prot: 6379\n  tls_ca: /c\nconsumer:\n  workers: lots\nmetrics:\n  listen: here\n",
    );
    let variables = [("GLMSG_REDIS__HOTS", "a")];
    let check = run(&store, &bad, &variables, &["config", "check"], "");
    assert_eq!(check.code, Some(2));
    assert_eq!(check.text(), "");
    let lines: Vec<&str> = check.stderr.lines().collect();
    for (line, words) in lines.iter().zip([
        ["no key redis.prot", "bad.yaml:2", "redis.port?"],
        [
            "consumer.workers takes a whole number",
            "bad.yaml:5",
            "lots",
        ],
        ["GLMSG_REDIS__HOTS names no key", "", "GLMSG_REDIS__HOST?"],
        [
            "redis.tls_ca is for TLS",
            "bad.yaml:3",
            "set redis.tls to true",
        ],
        [
            "metrics.listen takes an IP address",
            "bad.yaml:7",
            "127.0.0.1",
        ],
    ]) {
        assert!(line.starts_with("glmsg: config: "), "{line}");
        for word in words {
            assert!(line.contains(word), "{word:?} is not in {line}");
        }
    }
    assert_eq!(lines.len(), 5, "{lines:?}");
    run(&store, &bad, &variables, &["topics"], "").fails(2, &["redis.prot"]);
    run(&store, &bad, &variables, &["config", "show"], "").fails(2, &["redis.prot"]);
}

/// As they stand there, without the variables of a pod.
#[test]
fn the_settings_of_the_deployment_make_sense() {
    let places = [
        ("base", "redis://redis:6379/0, development"),
        (
            "overlays/production",
            "redis://redis.messaging.svc.cluster.local:6379/0, production",
        ),
    ];
    for (place, sense) in places {
        let root = env!("CARGO_MANIFEST_DIR");
        let file = format!("{root}/../../deploy/kubernetes/{place}/glmsg.yaml");
        let said = finish(bare(&["config", "check", &file]), b"").success();
        let expected = format!("the settings make sense: {sense}\n");
        assert_eq!(said.text(), expected);
    }
}

#[test]
fn values_are_shown_with_their_origin() {
    let store = Store::new();
    let file = store.file("g.yaml", "redis:\n  host: db\n  batch_size: 9\n");
    let variables = [("GLMSG_REDIS__PORT", "7000")];
    let args = ["--json", "config", "show"];
    let shown = run(&store, &file, &variables, &args, "")
        .success()
        .objects();
    let entry = |key: &str| shown.iter().find(|entry| entry["key"] == key).unwrap();
    assert_eq!(entry("redis.host")["value"], "db");
    assert_eq!(entry("redis.host")["origin"], format!("{file}:2"));
    assert_eq!(entry("redis.port")["origin"], "GLMSG_REDIS__PORT");
    assert_eq!(entry("redis.db")["origin"], "default");
    assert_eq!(entry("consumer.prefetch")["value"], "9");
    let set = run(&store, &file, &variables, &["config", "show", "--set"], "").success();
    assert_eq!(set.text().lines().count(), 1 + 4, "{}", set.text());
    let named = bare(&["--broker", "sqlite:x", "--json", "config", "show", "--set"]);
    let named = finish(named, b"").success().objects();
    assert_eq!(named[0]["key"], "broker");
    assert_eq!(named[0]["value"], "***");
    assert_eq!(named[0]["origin"], "--broker");
}

#[test]
fn schema_and_reference_are_printed_whatever_the_settings() {
    let store = Store::new();
    let bad = store.file("bad.yaml", "nonsense: 1\n");
    let schema = by_file(&store, &bad, &["config", "schema"]).success();
    let schema: Value = serde_json::from_str(schema.text()).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    let page = by_file(&store, &bad, &["config", "reference"]).success();
    assert!(page.text().starts_with("# Configuration reference\n"));
}

#[test]
fn a_password_is_printed_by_no_command() {
    let store = Store::new();
    let file = store.file(
        "g.yaml",
        format!(
            "redis:\n  host: 127.0.0.1\n  port: 1\n  password: {CANARY}\n  socket_timeout: 0.1\n"
        ),
    );
    let address = format!("redis://u:{CANARY}@127.0.0.1:1?timeout_ms=100");
    let wrong = store.file("wrong.yaml", format!("redis:\n  passwort: {CANARY}\n"));
    for args in [
        &["config", "check"][..],
        &["config", "show"],
        &["--json", "config", "show"],
        &["config", "show", "--set"],
        &["topics"],
        &["--json", "health"],
        &["health"],
        &["doctor"],
        &["lag"],
        &["publish", "t", "--timeout", "200ms"],
        &["consume", "t", "-g", "g", "--timeout", "200ms"],
    ] {
        for (file, mut variables) in [
            (&*file, vec![]),
            ("", vec![("GLMSG_BROKER", &*address)]),
            (
                "",
                vec![
                    ("GREENLANG_REDIS_PASSWORD", CANARY),
                    ("GREENLANG_REDIS_PORT", "1"),
                ],
            ),
            (&*wrong, vec![]),
        ] {
            variables.push(("GLMSG_LOG_LEVEL", "trace"));
            let run = run(&store, file, &variables, args, "1\n");
            let said = String::from_utf8_lossy(&run.stdout).into_owned() + &run.stderr;
            assert!(!said.contains(CANARY), "{args:?}: {said}");
        }
    }
}
