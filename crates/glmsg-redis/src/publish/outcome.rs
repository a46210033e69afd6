//! What became of messages that were to be stored.

use std::time::Duration;

use glmsg_broker::Published;
use glmsg_core::{Error, ErrorKind, Message, Result, TopicName};
use redis::Value;

use crate::encode::{millis, number};
use crate::place::EntryId;
use crate::recent::Place;

/// What the publish step says of a message.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    /// It is stored in this entry.
    Entry(EntryId),
    Scheduled,
    Duplicate,
    Full,
}

impl Outcome {
    pub(super) fn read(value: Value) -> Result<Self> {
        if let Value::BulkString(id) = &value
            && let Some(id) = EntryId::read(id)
        {
            return Ok(Self::Entry(id));
        }
        Ok(match number(value)? {
            0 => Self::Scheduled,
            1 => Self::Duplicate,
            _ => Self::Full,
        })
    }

    pub(super) fn published(self, topic: &TopicName, was_resent: bool, reached: bool) -> Published {
        match self {
            Self::Entry(_) | Self::Scheduled => acknowledged(topic, reached),
            // The first try had stored it, and its answer was lost.
            Self::Duplicate if was_resent || !reached => acknowledged(topic, reached),
            Self::Duplicate => Published::Duplicate,
            Self::Full => Published::Full(
                Error::new(
                    ErrorKind::Full,
                    "the topic is full of messages that some group has not acked",
                )
                .operation("publish")
                .with("topic", topic)
                .remedy("consume the topic or raise max_len"),
            ),
        }
    }

    /// Where the message is, by the server's clock and the time since the first try.
    pub(super) fn place(self, message: &Message, now: u64, elapsed: Duration) -> Place {
        const MARGIN: Duration = Duration::from_secs(1);
        let at = |millis| EntryId { millis, number: 0 };
        let (id, is_exact) = match self {
            Self::Entry(id) => (id, true),
            Self::Scheduled => (at(now), false),
            _ => (at(now.saturating_sub(millis(elapsed + MARGIN))), false),
        };
        Place {
            lane: message.priority().as_u8(),
            id,
            is_exact,
        }
    }
}

/// The server has it; `reached` as safely as the durability level asks.
pub(super) fn acknowledged(topic: &TopicName, reached: bool) -> Published {
    if reached {
        return Published::Stored;
    }
    Published::Indeterminate(
        Error::new(
            ErrorKind::Indeterminate,
            "it is stored, but not yet as safely as the durability level asks",
        )
        .operation("publish")
        .with("topic", topic),
    )
}

/// What a failure of the first step means for each of its messages.
///
/// # Errors
/// The same, if nothing can have been stored and no room is to be waited for.
pub(super) fn untold(error: Error, messages: usize) -> Result<Vec<Published>> {
    match error.kind() {
        ErrorKind::Indeterminate | ErrorKind::Full => Ok(each_failed(&error, messages)),
        _ => Err(error.operation("publish")),
    }
}

pub(super) fn each_failed(error: &Error, messages: usize) -> Vec<Published> {
    let each = || failed(error);
    std::iter::repeat_with(each).take(messages).collect()
}

pub(super) fn failed(error: &Error) -> Published {
    let copy = error.duplicate().operation("publish");
    match error.kind() {
        ErrorKind::Full => Published::Full(copy),
        _ => Published::Indeterminate(copy),
    }
}
