//! Input that nobody should have to expect: one clear line, no trace, no memory.

use std::fs;

use crate::store::{Run, Store, bare, finish};

/// A hundred megabytes.
const HUGE: usize = 100 * 1000 * 1000;

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = Vec::with_capacity(bytes);
    while noise.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend(state.to_le_bytes());
    }
    noise
}

/// What the store holds, as an operator sees it.
fn contents(store: &Store) -> (Vec<serde_json::Value>, String) {
    let all = store.run(&["replay", "t", "--from", "earliest"]).success();
    (store.json(&["topics"]), all.text().to_owned())
}

/// Arguments, stdin, exit code, and what the line says.
type Case<'a> = (&'a [&'a str], &'a [u8], i32, &'a [&'a str]);

#[test]
fn hostile_input_is_refused_in_one_line_and_stores_nothing() {
    let store = Store::new();
    store.publish("t", "{\"before\":1}\n");
    let before = contents(&store);
    let deep_json = "[".repeat(200_000) + &"]".repeat(200_000);
    let deep_map = "{\"a\":".repeat(200_000) + "1" + &"}".repeat(200_000);
    let deep_msgpack = vec![0x91; 200_000];
    let huge = vec![b'x'; HUGE];
    store.file("empty", "");
    let cases: Vec<Case<'_>> = vec![
        (
            &["publish", "t"],
            b"\xFF\xFE\x00\x01",
            1,
            &["line 1", "nothing is stored"],
        ),
        (&["publish", "t"], b"", 1, &["stdin holds no message"]),
        (&["publish", "t"], b"\n \n", 1, &["holds no message"]),
        (
            &["publish", "t"],
            deep_json.as_bytes(),
            1,
            &["line 1", "nests deeper"],
        ),
        (
            &["publish", "t"],
            deep_map.as_bytes(),
            1,
            &["line 1", "nests deeper"],
        ),
        (&["publish", "t"], &huge, 1, &["line 1", "longer than"]),
        (
            &["publish", "t", "--format", "lines"],
            &huge,
            1,
            &["line 1", "longer than"],
        ),
        (
            &["publish", "t", "--format", "lines"],
            b"\xFF\n",
            1,
            &["line 1", "UTF-8"],
        ),
        (
            &["publish", "t", "--format", "raw"],
            &huge,
            1,
            &["longer than"],
        ),
        (
            &[
                "publish",
                "t",
                "--format",
                "raw",
                "--content-type",
                "application/json",
            ],
            deep_json.as_bytes(),
            1,
            &["nests deeper"],
        ),
        (
            &[
                "publish",
                "t",
                "--format",
                "raw",
                "--content-type",
                "application/msgpack",
            ],
            &deep_msgpack,
            1,
            &["nests deeper"],
        ),
        (
            &["publish", "t", "--format", "json-array"],
            deep_json.as_bytes(),
            1,
            &["element 1", "nests deeper"],
        ),
        (
            &["publish", "t", "--format", "json-array"],
            b"[]",
            1,
            &["holds no message"],
        ),
        (
            &["publish", "t", "--format", "json-array"],
            b"{\"a\":1}",
            1,
            &["no JSON array"],
        ),
        (
            &["publish", "t", "--format", "msgpack"],
            &deep_msgpack,
            1,
            &["value 1", "nests deeper"],
        ),
        (
            &["publish", "t", "--format", "msgpack"],
            b"\xDD\xFF\xFF\xFF\xFF",
            1,
            &["value 1", "ends inside"],
        ),
        (
            &["publish", "t", "--format", "msgpack"],
            b"\xC1",
            1,
            &["value 1"],
        ),
        (&["publish", "t", "--file", "."], b"", 1, &["directory"]),
        (
            &["publish", "t", "--file", "missing"],
            b"",
            1,
            &["cannot read"],
        ),
        (
            &["publish", "t", "--file", "empty"],
            b"",
            1,
            &["holds no message"],
        ),
        (&["publish", "../t"], b"1\n", 2, &["invalid topic name"]),
        (&["publish", "a\u{1}b"], b"1\n", 2, &["invalid topic name"]),
        (&["publish", "a\nb"], b"1\n", 2, &["invalid topic name"]),
        (&["publish", ""], b"1\n", 2, &["topic"]),
        (&["publish", "gm.t"], b"1\n", 2, &["reserved"]),
        (
            &["publish", "t", "--header", "a=b\nc"],
            b"1\n",
            2,
            &["header"],
        ),
        (&["publish", "t", "--header", "a"], b"1\n", 2, &["header"]),
        (
            &["publish", "t", "--key-field", "k"],
            b"[1]\n",
            1,
            &["line 1", "object"],
        ),
        (
            &["publish", "t", "--key-field", "k"],
            b"{\"j\":1}\n",
            1,
            &["line 1", "\"k\""],
        ),
        (
            &["publish", "t", "--format", "raw", "--key-field", "k"],
            b"1",
            2,
            &["--key-field"],
        ),
        (
            &["publish", "t", "--priority", "urgent"],
            b"1\n",
            2,
            &["priority"],
        ),
        (&["publish", "t", "--ttl", "soon"], b"1\n", 2, &["ttl"]),
        (&["publish", "t", "--batch", "0"], b"1\n", 2, &["batch"]),
        (&["publish", "t", "--nonsense"], b"1\n", 2, &["--nonsense"]),
        (&["consume", "t"], b"", 2, &["--group"]),
        (
            &["consume", "t", "-g", "../g"],
            b"",
            2,
            &["invalid group name"],
        ),
        (
            &["consume", "t", "-g", "g", "--lease", "0.01"],
            b"",
            2,
            &["lease"],
        ),
        (
            &["consume", "t", "-g", "g", "--count", "0"],
            b"",
            2,
            &["count"],
        ),
        (
            &["consume", "t", "-g", "g", "--start", "noon"],
            b"",
            2,
            &["start"],
        ),
        (
            &["replay", "nowhere", "--from", "earliest"],
            b"",
            1,
            &["nowhere"],
        ),
        (&["lag", "nowhere"], b"", 1, &["nowhere"]),
        (&["lag", "--group", "nobody"], b"", 1, &["nobody"]),
        (&["dlq", "list", "t", "-g", "nobody"], b"", 1, &["nobody"]),
        (&["demo", "--factor", "much"], b"", 2, &["factor"]),
    ];
    for (args, input, code, words) in cases {
        let run = store.run_with(args, input);
        assert!(run.stdout.is_empty(), "{args:?} printed {:?}", run.text());
        run.fails(code, words);
    }
    for size in [1, 100, 100_000, 3_000_000] {
        let run = store.run_with(&["publish", "t"], noise(size));
        run.fails(1, &["line 1", "nothing is stored"]);
    }
    let run = store.run_with(&["publish", &"a".repeat(300)], "1\n");
    run.fails(2, &["invalid topic name"]);
    assert_eq!(contents(&store), before);
}

#[test]
fn a_huge_line_behind_a_good_one_stops_behind_the_good_one() {
    let store = Store::new();
    let mut input = b"1\n".to_vec();
    input.resize(HUGE, b'x');
    store
        .run_with(&["publish", "t"], &input)
        .fails(1, &["line 2", "longer than", "1 before it is stored"]);
    input.extend(b"\n3\n");
    let run = store.run_with(&["publish", "t", "--on-error", "skip"], input);
    let run = run.fails(1, &["line 2 is skipped"]);
    assert_eq!(run.text(), "stored 2 messages in t; 1 skipped\n");
}

/// Every command must refuse it, and touch nothing.
fn refused(store: &Store, broker: &str, words: &[&str]) {
    for args in [
        &["publish", "t"][..],
        &["consume", "t", "-g", "g", "-w", "0"],
        &["topics"],
        &["health"],
        &["demo"],
    ] {
        let mut command = store.command(args);
        command.env("GLMSG_BROKER", broker);
        let run: Run = finish(command, b"1\n");
        let code = run.code.unwrap();
        assert!(code == 1 || code == 2, "{args:?}: {code}");
        run.fails(code, words);
    }
}

#[test]
fn a_database_that_is_none_is_named_and_left_alone() {
    let store = Store::new();
    let bytes = noise(50_000);
    let path = store.file("noise.db", &bytes);
    refused(&store, &format!("sqlite:{path}"), &["noise.db"]);
    assert!(fs::read(&path).unwrap() == bytes);

    fs::create_dir(store.path("directory.db")).unwrap();
    let path = store.path("directory.db");
    refused(
        &store,
        &format!("sqlite:{}", path.display()),
        &["directory.db"],
    );
    refused(&store, "sqlite:", &["sqlite:"]);
    refused(&store, "pigeon:coop", &["pigeon"]);
    refused(&store, "no address", &[]);
}

#[test]
fn a_password_in_an_address_is_never_printed() {
    let store = Store::new();
    for args in [
        &["topics"][..],
        &["publish", "t", "--timeout", "1s"],
        &["consume", "t", "-g", "g", "--timeout", "1s"],
        &["publish", "--help"],
        &["topics", "--nonsense"],
    ] {
        let mut command = store.command(args);
        command.env("GLMSG_BROKER", "redis://user:c4n4ry@localhost:1/0");
        let run = finish(command, b"1\n");
        assert!(
            !run.stderr.contains("c4n4ry") && !run.text().contains("c4n4ry"),
            "{args:?}"
        );
    }
}

#[test]
fn looking_at_nothing_leaves_nothing() {
    let store = Store::new();
    for args in [
        &["topics"][..],
        &["lag"],
        &["health"],
        &["verify"],
        &["replay", "t", "--from", "earliest"],
    ] {
        store.run(args).fails(1, &["no broker"]);
    }
    store
        .run_with(&["publish", "t"], "garbage\n")
        .fails(1, &["line 1"]);
    assert!(crate::store::listing(&store.path(".")).is_empty());
}

#[test]
fn the_broker_comes_by_option_by_environment_or_by_default() {
    let store = Store::new();
    let mut command = bare(&["publish", "t"]);
    command.current_dir(store.path("."));
    finish(command, b"1\n").success();
    assert!(store.path("glmsg.db").exists());
    let other = format!("sqlite:{}", store.path("other.db").display());
    store
        .run_with(&["--broker", &other, "publish", "t"], "1\n")
        .success();
    assert!(store.path("other.db").exists() && !store.path("broker.db").exists());
}

#[test]
fn a_file_size_limit_is_reported_and_what_was_stored_stays() {
    let store = Store::new();
    let many = store.file("many", crate::store::json_lines(20_000));
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -f 400; exec \"$0\" \"$@\""]);
    let publish = [
        "--json",
        "--broker",
        &store.url(),
        "publish",
        "t",
        "--file",
        &many,
    ];
    limited.arg(env!("CARGO_BIN_EXE_glmsg")).args(publish);
    let run = finish(limited, b"").fails_in_json(1, &["disk"]);
    let stored: i64 = run
        .objects()
        .iter()
        .filter_map(|o| o.get("stored")?.as_i64())
        .max()
        .unwrap_or(0);
    let all = store.run(&["replay", "t", "--from", "earliest"]).success();
    let kept = i64::try_from(all.lines().len()).expect("a count");
    assert!(kept >= stored, "{stored} reported stored, {kept} there");
}
