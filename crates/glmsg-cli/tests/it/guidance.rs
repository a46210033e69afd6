//! What somebody who has not done this before is told.

use std::fs;

use crate::store::{Store, bare, finish};

#[test]
fn a_path_that_cannot_be_seen_is_not_called_missing() {
    let store = Store::new();
    store
        .run(&["lag"])
        .fails(1, &["there is no broker", "is the path right?"]);
    // Permissions do not hold back every user that runs this; a file that is asked to be a
    // directory does.
    let file = store.file("file", "");
    let run = finish(
        bare(&["--broker", &format!("sqlite:{file}/broker.db"), "lag"]),
        b"",
    );
    assert!(!run.stderr.contains("there is no"), "{}", run.stderr);
    run.fails(1, &["cannot see whether", "directory"]);
    assert_eq!(fs::read(file).unwrap(), b"");
}

#[test]
fn a_group_that_consuming_creates_is_named_once() {
    let store = Store::new();
    let created = |args: &[&str]| {
        let run = store.run(&[&["consume", "t", "-w", "0"], args].concat());
        let run = run.success();
        let lines = run.stderr.lines().map(str::to_owned);
        lines
            .filter(|line| line.starts_with("created"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        created(&["-g", "g"]),
        ["created group g of t, from earliest; remove it with: glmsg groups delete t g"]
    );
    assert!(created(&["-g", "g"]).is_empty(), "it is there already");
    assert_eq!(
        created(&["-g", "h", "--start", "latest", "--exec", "true"]),
        ["created group h of t, from latest; remove it with: glmsg groups delete t h"]
    );
    assert!(created(&["-g", "i", "-q"]).is_empty());
    assert_eq!(created(&["-g", "j", "--json"]).len(), 1);
    store.run(&["groups", "delete", "t", "g"]).success();
    assert_eq!(created(&["-g", "g"]).len(), 1);
}
