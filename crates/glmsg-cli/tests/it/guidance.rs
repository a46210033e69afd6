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
