//! Reading a topic without a group.

use std::fmt;

use glmsg_core::{Message, Timestamp, TopicName};

use crate::StartFrom;

/// A place in a topic, in the backend's own notation. It stays valid as long as the message it
/// points behind is kept, and orders nothing between topics.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Position(String);

impl Position {
    /// A position in a backend's own notation.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The notation.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which stored messages to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayQuery {
    /// Of this topic.
    pub topic: TopicName,
    /// From here. `Latest` finds nothing.
    pub from: StartFrom,
    /// At most this many. Default: 1000.
    pub limit: usize,
}

impl ReplayQuery {
    /// The first thousand messages of `topic` from `from`.
    pub fn new(topic: TopicName, from: StartFrom) -> Self {
        Self {
            topic,
            from,
            limit: 1000,
        }
    }

    /// At most `limit` of them.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A message as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Where it stands; [`StartFrom::After`] this goes on behind it.
    pub position: Position,
    /// When it was stored, or became due, by the broker's clock.
    pub stored_at: Timestamp,
    /// The message; an error (`Codec`) if the stored bytes are none.
    pub message: Result<Message, StoredError>,
}

/// Why stored bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredError {
    /// What is wrong with the bytes.
    pub error: String,
}

impl fmt::Display for StoredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl std::error::Error for StoredError {}
