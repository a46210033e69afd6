//! Errors for programs: with `--json`, and where the log is JSON, each is an object on stderr.

use crate::store::{Store, bare, finish};

#[test]
fn a_command_line_that_makes_no_sense_is_told_to_a_program_too() {
    let store = Store::new();
    for (args, words) in [
        (&["lag", "--frob"][..], &["--frob", "glmsg lag --help"][..]),
        (&["consume"], &["TOPIC", "glmsg consume --help"]),
        (&["replay", "t"], &["--from"]),
        (&["frobnicate"], &["frobnicate", "glmsg --help"]),
        (&["dlq"], &["requires a subcommand", "glmsg dlq --help"]),
        (&[], &["requires a subcommand", "glmsg --help"]),
        (&["dlq", "list", "t"], &["--group", "consumer.group"]),
    ] {
        for form in [
            &["--json"][..],
            &["--log-format", "json", "--log-level", "error"],
            &["--log-format=json", "--log-level=error"],
        ] {
            let run = store.run(&[form, args].concat()).fails_in_json(2, words);
            assert_eq!(run.text(), "");
            // Wherever it stands.
            if !args.is_empty() {
                store.run(&[args, form].concat()).fails_in_json(2, words);
            }
        }
        // Without it there is none.
        let run = store.run(args);
        assert_eq!(run.code, Some(2));
        assert!(!run.stderr.contains("\"message\""), "{}", run.stderr);
    }
    // Also where nothing else is set.
    for args in [
        &["--json", "dlq"][..],
        &["--json"],
        &["--log-format", "json", "dlq"],
    ] {
        let run = finish(bare(args), b"");
        run.fails_in_json(2, &["requires a subcommand"]);
    }
    let help = store.run(&["--json", "--help"]).success();
    assert!(help.text().contains("Usage:"));
}

#[test]
fn the_form_that_the_settings_have_holds_for_a_command_line_that_makes_no_sense() {
    let store = Store::new();
    let file = store.file("glmsg.yaml", "log:\n  format: json\n");
    store
        .run(&["--config", &file, "lag", "--frob"])
        .fails_in_json(2, &["--frob"]);
    let mut command = store.command(&["lag", "--frob"]);
    command.env("GLMSG_LOG__FORMAT", "json");
    finish(command, b"").fails_in_json(2, &["--frob"]);
    // An option wins.
    store
        .run(&["--config", &file, "--log-format", "text", "lag", "--frob"])
        .fails(2, &["--frob"]);
}

#[test]
fn what_is_wrong_besides_is_an_object_too() {
    let store = Store::new();
    store
        .run(&["--json", "lag"])
        .fails_in_json(1, &["there is no broker"]);
    store
        .run(&["--json", "--log-format", "xml", "lag"])
        .fails_in_json(2, &["--log-format"]);
    let bad = store.file("bad.yaml", "redis:\n  prot: 1\n  hots: a\n");
    let bare = |args: &[&str]| finish(bare(&[&["--config", &bad], args].concat()), b"");
    bare(&["--json", "topics"]).fails_in_json(2, &["redis.prot"]);
    bare(&["--log-format", "json", "topics"]).fails_in_json(2, &["redis.prot"]);
    let check = bare(&["--json", "config", "check"]);
    assert_eq!(check.code, Some(2));
    assert_eq!(check.errors().len(), 2);
    assert_eq!(check.text(), "");
}
