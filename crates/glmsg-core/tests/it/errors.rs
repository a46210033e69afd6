//! The one error: its text, its kinds, its retry classes.

use std::collections::BTreeSet;
use std::error::Error as StdError;

use glmsg_core::{Error, ErrorKind, RetryClass};

const KINDS: [(ErrorKind, &str, bool); 16] = [
    (ErrorKind::Unavailable, "unavailable", true),
    (ErrorKind::Timeout, "timeout", true),
    (ErrorKind::Indeterminate, "indeterminate", true),
    (ErrorKind::Full, "full", true),
    (ErrorKind::Throttled, "throttled", true),
    (ErrorKind::Closed, "closed", false),
    (ErrorKind::NotFound, "not-found", false),
    (ErrorKind::AlreadyExists, "already-exists", false),
    (ErrorKind::PermissionDenied, "permission-denied", false),
    (ErrorKind::InvalidArgument, "invalid-argument", false),
    (ErrorKind::ConfigInvalid, "config-invalid", false),
    (ErrorKind::TooLarge, "too-large", false),
    (ErrorKind::Codec, "codec", false),
    (ErrorKind::Conflict, "conflict", false),
    (ErrorKind::Unsupported, "unsupported", false),
    (ErrorKind::Unexpected, "unexpected", false),
];

#[test]
fn kinds_have_names_and_retry_classes() {
    for (kind, name, transient) in KINDS {
        assert_eq!((kind.as_str(), kind.to_string().as_str()), (name, name));
        let err = Error::new(kind, "x");
        assert_eq!(err.is_transient(), transient, "{name}");
        assert_eq!(
            err.retry(RetryClass::Exhausted).retry_class(),
            RetryClass::Exhausted
        );
    }
    let names: BTreeSet<_> = KINDS.iter().map(|k| k.1).collect();
    assert_eq!(names.len(), KINDS.len());
}

#[test]
fn the_text_says_what_where_and_what_to_do() {
    let err = Error::new(ErrorKind::NotFound, "no such topic")
        .operation("lag")
        .operation("outer")
        .with("topic", "a")
        .with("group", "g")
        .remedy("create it")
        .source(std::fmt::Error);
    let text = format!(
        "lag: no such topic (topic: a, group: g): {}; create it",
        std::fmt::Error
    );
    assert_eq!(err.to_string(), text);
    assert_eq!(format!("{err:?}"), format!("not-found (Never): {text}"));
    assert_eq!(
        (err.message(), err.context("group")),
        ("no such topic", Some("g"))
    );
    assert!(has_cause(&err) && err.context("x").is_none());

    let copy = err.duplicate();
    assert_eq!(copy.to_string().matches("create it").count(), 1);
    assert!(!has_cause(&copy) && copy.kind() == ErrorKind::NotFound);
    assert_eq!(Error::new(ErrorKind::Full, "full").to_string(), "full");
}

fn has_cause(err: &dyn StdError) -> bool {
    err.source().is_some()
}
