//! Publishing and consuming: every byte, every format, every way to settle.

use std::io::BufRead;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::store::{Store, await_that, json_lines};

#[test]
fn twenty_thousand_lines_reach_two_groups_byte_for_byte() {
    let store = Store::new();
    let lines = json_lines(20_000);
    let file = store.file("lines.jsonl", &lines);
    let run = store
        .run(&["publish", "flights", "--file", &file])
        .success();
    assert_eq!(run.text(), "stored 20000 messages in flights\n");
    assert_eq!(run.stderr, "");
    for group in ["a", "b"] {
        let run = store
            .run(&[
                "consume", "flights", "--group", group, "--count", "20000", "--output", "payload",
            ])
            .success();
        assert!(
            run.stdout == lines.as_bytes(),
            "group {group} got other bytes"
        );
        assert_eq!(store.lag("flights", group)["lag"], 0);
    }
}

#[test]
fn a_message_is_one_object_with_everything_in_it() {
    let store = Store::new();
    let publish = [
        "publish",
        "flights",
        "--priority",
        "high",
        "--key-field",
        "from",
        "--header",
        "a=b=c",
        "--header",
        "tenant=acme",
        "--max-retries",
        "7",
    ];
    store
        .run_with(&publish, "{\"from\":\"DTW\",\"miles\":1.50}\n")
        .success();
    let consume = ["consume", "flights", "-g", "g", "-n", "1"];
    let run = store.run(&consume).success();
    // A nested payload keeps its spelling, which a parsed one would not show.
    assert!(
        run.text()
            .contains("\"payload\":{\"from\":\"DTW\",\"miles\":1.50}"),
        "{}",
        run.text()
    );
    let message = run.objects().remove(0);
    assert_eq!(message["topic"], "flights");
    assert_eq!(message["priority"], "high");
    assert_eq!(message["headers"], json!({"a": "b=c", "tenant": "acme"}));
    assert_eq!(message["key"], "DTW");
    assert_eq!(message["attempt"], 1);
    assert_eq!(message["max_retries"], 7);
    assert_eq!(message["correlation_id"], Value::Null);
    assert_eq!(message["provenance"]["level"], "sha256", "{message}");
    for member in ["id", "created_at"] {
        assert!(message[member].is_string(), "{message}");
    }
}

#[test]
fn a_text_is_a_string_and_bytes_are_base64() {
    let store = Store::new();
    store
        .run_with(&["publish", "t", "--format", "lines"], "grüezi\n\n")
        .success();
    store
        .run_with(&["publish", "t", "--format", "raw"], [0, 159, 10])
        .success();
    let messages = store
        .run(&["consume", "t", "-g", "g", "-n", "3"])
        .success()
        .objects();
    assert_eq!(messages[0]["payload"], "grüezi");
    assert_eq!(messages[1]["payload"], "");
    assert_eq!(messages[2]["payload"], Value::Null);
    assert_eq!(messages[2]["payload_base64"], "AJ8K");
}

#[test]
fn every_format_keeps_the_bytes_of_its_pieces() {
    let msgpack = [0x82, 0xA1, b'a', 0x01, 0xA1, b'b', 0x92, 0xC0, 0xC3];
    let twice = [msgpack, msgpack].concat();
    let cases: [(&str, &[u8], Vec<u8>, &str); 4] = [
        (
            "jsonl",
            b"{\"a\" : 1}\r\n\n[2]",
            b"{\"a\" : 1}\r\n[2]\n".to_vec(),
            "application/json",
        ),
        (
            "json-array",
            b"[ {\"a\": \"],\"} , 2 ]",
            b"{\"a\": \"],\"}\n2\n".to_vec(),
            "application/json",
        ),
        (
            "raw",
            b"one\ntwo",
            b"one\ntwo\n".to_vec(),
            "application/octet-stream",
        ),
        (
            "msgpack",
            &twice,
            [&msgpack[..], b"\n", &msgpack[..], b"\n"].concat(),
            "application/msgpack",
        ),
    ];
    for (format, input, output, content_type) in cases {
        let store = Store::new();
        store
            .run_with(&["publish", "t", "--format", format], input)
            .success();
        let payloads = store
            .run(&["consume", "t", "-g", "a", "-w", "1", "-o", "payload"])
            .success();
        assert_eq!(payloads.stdout, output, "{format}");
        let messages = store
            .run(&["consume", "t", "-g", "b", "-n", "1"])
            .success()
            .objects();
        assert_eq!(messages[0]["content_type"], content_type, "{format}");
    }
}

#[test]
fn publishing_again_by_an_id_field_stores_nothing_twice() {
    let store = Store::new();
    let publish = ["--json", "publish", "t", "--id-field", "n"];
    let last = |run: crate::store::Run| run.success().objects().pop().unwrap();
    let first = last(store.run_with(&publish, json_lines(5)));
    assert_eq!(
        (&first["stored"], &first["duplicates"]),
        (&json!(5), &json!(0))
    );
    let again = last(store.run_with(&publish, json_lines(7)));
    assert_eq!(
        (&again["stored"], &again["duplicates"]),
        (&json!(2), &json!(5))
    );
    let batches = store.run_with(&publish, json_lines(7)).success();
    assert_eq!(batches.objects()[0], json!({"stored": 0}));
}

#[test]
fn a_bad_line_stops_or_is_skipped_and_fails_either_way() {
    let store = Store::new();
    let input = "1\n{\"a\":2}\nno json\n4\n";
    store
        .run_with(&["publish", "t"], input)
        .fails(1, &["line 3", "not valid JSON", "2 before it are stored"]);
    assert_eq!(store.json(&["topics"])[0]["messages"], 2);

    let run = store
        .run_with(&["publish", "u", "--on-error", "skip"], input)
        .fails(1, &["line 3 is skipped"]);
    assert_eq!(run.text(), "stored 3 messages in u; 1 skipped\n");
    let payloads = store
        .run(&["consume", "u", "-g", "g", "-n", "3", "-o", "payload"])
        .success();
    assert_eq!(payloads.text(), "1\n{\"a\":2}\n4\n");
}

#[test]
fn a_full_topic_says_so_and_what_to_do() {
    let store = Store::new();
    store
        .run(&["topics", "create", "t", "--max-len", "10"])
        .success();
    store
        .run_with(&["publish", "t", "--batch", "4"], json_lines(20))
        .fails(
            1,
            &[
                "line 11: the topic is full",
                "raise max_len",
                "10 before it are stored",
            ],
        );
    let payloads = store
        .run(&["consume", "t", "-g", "g", "-w", "1", "-o", "payload"])
        .success();
    assert_eq!(payloads.text(), json_lines(10));
}

#[test]
fn a_count_takes_no_more_than_that() {
    let store = Store::new();
    store.publish("t", &json_lines(10));
    let run = store.run(&["consume", "t", "-g", "g", "-n", "3"]).success();
    assert_eq!(run.lines().len(), 3);
    let lag = store.lag("t", "g");
    assert_eq!(
        (&lag["undelivered"], &lag["in_flight"]),
        (&json!(7), &json!(0)),
        "{lag}"
    );

    let run = store
        .run(&["consume", "t", "-g", "g", "-n", "2", "--exec", "cat >> got"])
        .success();
    assert_eq!(run.text(), "");
    let lag = store.lag("t", "g");
    assert_eq!(
        (&lag["lag"], &lag["in_flight"]),
        (&json!(5), &json!(0)),
        "{lag}"
    );
}

#[test]
fn waiting_ends_when_nothing_comes() {
    let store = Store::new();
    assert_eq!(
        store
            .run(&["consume", "t", "-g", "g", "--wait", "0"])
            .success()
            .text(),
        ""
    );
    store.publish("t", "1\n2\n");
    let run = store
        .run(&["consume", "t", "-g", "g", "--wait", "0.5", "-o", "payload"])
        .success();
    assert_eq!(run.text(), "1\n2\n");
    assert_eq!(
        store
            .run(&["consume", "t", "-g", "g", "--wait", "0.5", "--exec", "true"])
            .success()
            .text(),
        ""
    );
}

#[test]
fn a_message_published_later_reaches_a_waiting_consumer() {
    let store = Store::new();
    store.run(&["groups", "create", "t", "g"]).success();
    let mut waiting = store.start(&["consume", "t", "-g", "g", "-n", "1", "-o", "payload"]);
    let mut out = waiting.stdout();
    await_that("member of the group", || {
        (!store.json(&["groups", "members", "t", "g"]).is_empty()).then_some(())
    });
    store.publish("t", "\"now\"\n");
    assert_eq!(crate::store::next_line(&mut out), "\"now\"\n");
    assert!(waiting.ended().success());
}

#[test]
fn what_is_not_settled_comes_again_and_what_is_refused_is_dead() {
    let store = Store::new();
    store.publish("t", "1\n");
    let consume = |settle: &str| {
        let args = [
            "consume", "t", "-g", "g", "-n", "1", "--lease", "0.2", "--settle", settle,
        ];
        store.run(&args).success().objects().remove(0)["attempt"].clone()
    };
    assert_eq!(consume("none"), 1);
    assert_eq!(consume("nack"), 2);
    assert_eq!(consume("reject"), 3);
    let letters = store.json(&["dlq", "list", "t", "-g", "g"]);
    assert_eq!(letters[0]["reason"], "rejected");
    assert_eq!(letters[0]["history"][0]["outcome"], "lease-expired");
    assert_eq!(letters[0]["history"][1]["outcome"], "failed");
}

#[test]
fn a_group_may_start_late() {
    let store = Store::new();
    store.publish("t", "1\n");
    let id = store
        .run(&["replay", "t", "--from", "earliest"])
        .success()
        .objects()[0]["id"]
        .clone();
    store.publish("t", "2\n");
    store
        .run(&[
            "consume", "t", "-g", "latest", "--start", "latest", "-w", "0",
        ])
        .success();
    let consume = |group: &str, start: &str| {
        let args = [
            "consume", "t", "-g", group, "--start", start, "-w", "0.5", "-o", "payload",
        ];
        store.run(&args).success().text().to_owned()
    };
    assert_eq!(consume("by-id", id.as_str().unwrap()), "1\n2\n");
    assert_eq!(consume("by-time", "2001-01-01T00:00:00Z"), "1\n2\n");
    store.publish("t", "3\n");
    assert_eq!(consume("latest", "earliest"), "3\n");
}

#[test]
fn a_command_gets_the_payload_and_knows_the_message() {
    let store = Store::new();
    store
        .run_with(&["publish", "t", "--key-field", "k"], "{\"k\":\"DTW\"}\n")
        .success();
    let command = "cat > payload; echo $GLMSG_TOPIC $GLMSG_ATTEMPT $GLMSG_KEY ${#GLMSG_ID} > env";
    store
        .run(&["consume", "t", "-g", "g", "-n", "1", "--exec", command])
        .success();
    assert_eq!(store.await_lines("env", 1), "t 1 DTW 36\n");
    assert_eq!(
        std::fs::read_to_string(store.path("payload")).unwrap(),
        "{\"k\":\"DTW\"}"
    );
}

#[test]
fn a_command_need_not_read_its_stdin() {
    let store = Store::new();
    store
        .run_with(&["publish", "t", "--format", "raw"], vec![b'x'; 500_000])
        .success();
    store
        .run(&["consume", "t", "-g", "g", "-n", "1", "--exec", "true"])
        .success();
    assert_eq!(store.lag("t", "g")["lag"], 0);
}

#[test]
fn a_command_gets_a_large_payload_whole() {
    let store = Store::new();
    let sizes = [1, 4096, 4097, 1_000_000];
    for size in sizes {
        let publish = ["publish", "t", "--format", "raw"];
        store.run_with(&publish, vec![b'x'; size]).success();
    }
    store
        .run(&[
            "consume",
            "t",
            "-g",
            "g",
            "-n",
            "4",
            "--exec",
            "wc -c >> sizes",
        ])
        .success();
    let got = store.await_lines("sizes", 4);
    let got: Vec<usize> = got
        .lines()
        .map(|line| line.trim().parse().unwrap())
        .collect();
    assert_eq!(got, sizes);
}

#[test]
fn a_closed_pipe_ends_quietly_and_loses_nothing() {
    let store = Store::new();
    store.publish("t", &json_lines(5000));
    store.run(&["groups", "create", "t", "g"]).success();
    let mut child = store
        .command(&[
            "consume", "t", "-g", "g", "--count", "5000", "-o", "payload",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::with_capacity(64, child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let lag = store.lag("t", "g");
    assert!(
        lag["lag"].as_u64() > Some(0) && lag["in_flight"] == 0,
        "{lag}"
    );
    for command in [
        &["completions", "bash"][..],
        &["replay", "t", "--from", "earliest"],
    ] {
        let mut child = store
            .command(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr),
            (Some(0), Vec::new()),
            "{command:?}"
        );
    }
}
