//! `lag --watch`: look after look, until somebody has had enough.

use std::io::BufRead;

use serde_json::Value;

use crate::store::{Store, next_line};

#[test]
fn each_look_is_a_line_of_json_until_ctrl_c() {
    let store = Store::new();
    store.publish("t", "1\n2\n");
    store.run(&["groups", "create", "t", "g"]).success();
    let mut watch = store.start(&["--json", "lag", "t", "--watch=100ms"]);
    let mut lines = watch.stdout();
    let mut next = || -> Value { serde_json::from_str(&next_line(&mut lines)).unwrap() };
    let first = next();
    assert_eq!(
        (&first["topic"], &first["group"], &first["lag"]),
        (&"t".into(), &"g".into(), &2.into())
    );
    assert!(first["at"].as_str().unwrap().ends_with('Z'), "{first}");
    store.publish("t", "3\n");
    while next()["lag"] != 3 {}
    watch.signal("INT");
    assert!(watch.ended().success());
}

#[test]
fn a_file_gets_each_look_as_a_table() {
    let store = Store::new();
    store.publish("t", "1\n");
    store.run(&["groups", "create", "t", "g"]).success();
    let mut watch = store.start(&["lag", "--watch=100ms"]);
    let mut lines = watch.stdout().lines().map(Result::unwrap);
    for _ in 0..2 {
        assert!(lines.next().unwrap().ends_with('Z'));
        assert!(lines.next().unwrap().starts_with("TOPIC"));
        assert!(lines.next().unwrap().starts_with("t "));
        assert_eq!(lines.next().unwrap(), "");
    }
    // Whoever read it has gone: that is its end, and no failure.
    drop(lines);
    assert!(watch.ended().success());
}

#[test]
fn a_group_that_is_nowhere_is_told_and_not_waited_for() {
    let store = Store::new();
    store.publish("t", "1\n");
    let watch = ["lag", "--group", "grp", "--watch=100ms"];
    store.run(&watch).fails(1, &["there is no group grp"]);
}

#[test]
fn an_interval_that_makes_no_sense_is_refused() {
    let store = Store::new();
    store
        .run(&["lag", "--watch=1ms"])
        .fails(2, &["100ms at least"]);
}
