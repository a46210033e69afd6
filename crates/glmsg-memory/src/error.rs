//! The errors of this backend.

use glmsg_core::{Error, ErrorKind, GroupName, TopicName};

/// The broker was closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the broker is closed")
}

/// There is no such topic.
pub(crate) fn no_topic(topic: &TopicName) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such topic").with("topic", topic)
}

/// There is no such group.
pub(crate) fn no_group(topic: &TopicName, group: &GroupName) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such group")
        .with("topic", topic)
        .with("group", group)
}

/// The topic holds all it may.
pub(crate) fn full(topic: &TopicName, held: u64) -> Error {
    Error::new(
        ErrorKind::Full,
        format!("the topic holds {held} messages that not every group has acked"),
    )
    .operation("publish")
    .with("topic", topic)
    .remedy("consume the topic, raise max_len or choose to drop the oldest")
}

/// The payload is over the broker's limit.
pub(crate) fn payload_too_large(topic: &TopicName, got: usize, limit: usize) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!("the payload has {got} bytes, this broker takes {limit}"),
    )
    .with("topic", topic)
}

/// A position or page token of some other origin.
pub(crate) fn not_ours(what: &str, got: &str) -> Error {
    let got: String = got.chars().take(48).flat_map(char::escape_debug).collect();
    Error::new(
        ErrorKind::InvalidArgument,
        format!("this {what} is not one of the memory broker's"),
    )
    .with("got", got)
}
