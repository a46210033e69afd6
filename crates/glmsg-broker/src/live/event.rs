//! What is heard.

use glmsg_core::{Error, Message, TopicName};

/// What a live subscription hears: messages, and where some are missing.
#[non_exhaustive]
#[derive(Debug)]
pub enum LiveEvent {
    /// A message was announced.
    Message(Message),
    /// So many messages that were announced here were dropped, because this listener was slower
    /// than they came.
    Missed(u64),
    /// The way to the broker was lost: what was announced from here on is not heard, until
    /// [`Resumed`](Self::Resumed). How much that is nobody knows.
    Interrupted,
    /// Listening goes on.
    Resumed,
    /// Bytes that are no message, or that belong to another topic, were announced and skipped.
    Undecodable {
        /// Where.
        topic: TopicName,
        /// What is wrong with them.
        error: Error,
    },
}

impl LiveEvent {
    /// The message, if it is one.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }

    /// `true` where messages are missing, or may be.
    pub fn is_loss(&self) -> bool {
        !matches!(self, Self::Message(_) | Self::Resumed)
    }
}
