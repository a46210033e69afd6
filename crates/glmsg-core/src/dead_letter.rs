//! Messages that a group has given up on.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::{
    Error, ErrorKind, GroupName, History, Message, MessageId, Result, Timestamp, TopicName,
};

/// Why a message became a dead letter.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DeadLetterReason {
    /// Every allowed attempt failed.
    MaxRetries = 0,
    /// A consumer refused it for good.
    Rejected = 1,
    /// Its time to live ran out before it was acked.
    Expired = 2,
    /// Its bytes are no message, or its payload not what the handler takes.
    Undecodable = 3,
    /// Its provenance did not verify.
    BadProvenance = 4,
}

impl DeadLetterReason {
    /// All reasons; a reason's number on the wire is its place here.
    pub const ALL: [Self; 5] = [
        Self::MaxRetries,
        Self::Rejected,
        Self::Expired,
        Self::Undecodable,
        Self::BadProvenance,
    ];

    /// The name as printed and as accepted by `--reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxRetries => "max-retries",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Undecodable => "undecodable",
            Self::BadProvenance => "bad-provenance",
        }
    }
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeadLetterReason {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|r| r.as_str() == text);
        found.ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "unknown dead-letter reason")
                .with("got", format!("\"{}\"", crate::name::excerpt(text)))
                .remedy("use max-retries, rejected, expired, undecodable or bad-provenance")
        })
    }
}

/// The thing that could not be handled, as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Original {
    /// A message, unchanged: its provenance still verifies.
    Message(Message),
    /// Bytes that are no message.
    Bytes(Bytes),
}

/// A message that one group has given up on. Other groups are not affected.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// The message's id; for bytes that are no message, an id given when it was dead-lettered.
    pub id: MessageId,
    /// The topic it was published to.
    pub topic: TopicName,
    /// The group that gave up.
    pub group: GroupName,
    /// What it was.
    pub original: Original,
    /// Why it is here.
    pub reason: DeadLetterReason,
    /// The last error's text, at most 1 KiB; may be empty.
    pub detail: Box<str>,
    /// How many deliveries there were.
    pub attempts: u32,
    /// The last attempts, oldest first.
    pub history: History,
    /// When it became a dead letter, by the broker's clock. It is kept for 30 days from then.
    pub dead_at: Timestamp,
}

impl DeadLetter {
    /// The message, unless the original bytes were none.
    pub fn message(&self) -> Option<&Message> {
        match &self.original {
            Original::Message(message) => Some(message),
            Original::Bytes(_) => None,
        }
    }
}
