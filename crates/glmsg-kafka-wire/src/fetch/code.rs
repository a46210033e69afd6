//! What the codes of answers mean for who reads.

use glmsg_core::{Error, ErrorKind};
use kafka_protocol::ResponseError;

/// The session is not known to the broker.
pub(super) const SESSION_NOT_FOUND: i16 = 70;

/// What to do about a code.
#[derive(Debug)]
pub(super) enum Meaning {
    /// Nothing is at this offset.
    OutOfRange,
    /// The broker does not lead it, or there is none that does.
    NoLeader,
    /// It is not known there.
    Unknown,
    /// It may not or cannot be read.
    Refused(Error),
    /// Try again.
    Later,
}

/// The meaning of a code other than 0.
pub(super) fn meaning(code: i16, topic: &str) -> Meaning {
    match code {
        1 => Meaning::OutOfRange,
        3 | 100 => Meaning::Unknown,
        // No leader, not the leader, no broker, no replica, no disk, other terms, no listener.
        5 | 6 | 8 | 9 | 56 | 72 | 74 | 75 => Meaning::NoLeader,
        17 => Meaning::Refused(refusal(
            ErrorKind::InvalidArgument,
            "the cluster cannot have a topic of this name",
            code,
            topic,
        )),
        29 | 31 => Meaning::Refused(
            refusal(
                ErrorKind::PermissionDenied,
                "reading a topic is not allowed",
                code,
                topic,
            )
            .remedy("give the user the right to read it"),
        ),
        76 => Meaning::Refused(refusal(
            ErrorKind::Unsupported,
            "the broker cannot send what is compressed so",
            code,
            topic,
        )),
        _ => Meaning::Later,
    }
}

/// The cluster does not have a topic, or not this partition of it.
pub(super) fn missing(topic: &str, partition: i32) -> Error {
    Error::new(
        ErrorKind::NotFound,
        "the cluster does not have the partition of the topic",
    )
    .with("topic", topic)
    .with("partition", partition)
}

/// The name of a code, for logs.
pub(super) fn name(code: i16) -> String {
    match ResponseError::try_from_code(code) {
        Some(known) => format!("{known:?}"),
        None => code.to_string(),
    }
}

#[cold]
fn refusal(kind: ErrorKind, text: &str, code: i16, topic: &str) -> Error {
    Error::new(kind, text)
        .with("topic", topic)
        .with("kafka", name(code))
}
