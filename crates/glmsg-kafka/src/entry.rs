//! A message of a group as it is held here.

use bytes::Bytes;
use glmsg_core::{History, Message, Timestamp};

/// A message of a group as it is held here.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) content: Content,
    /// How often it was delivered to the group.
    pub(crate) attempts: u32,
    /// How many of these the record itself knows of.
    pub(crate) recorded: u32,
    pub(crate) history: History,
    /// When it was stored, or became due.
    pub(crate) stored_at: Timestamp,
    /// When the record it stands in was stored.
    pub(crate) arrived_at: Timestamp,
    /// From when on it is not worth delivering.
    pub(crate) expires: Option<Timestamp>,
    /// When it may be delivered.
    pub(crate) due: Option<Timestamp>,
    /// It was published for later and was not delivered yet.
    pub(crate) is_scheduled: bool,
    /// It was delivered, and came back here.
    pub(crate) is_back: bool,
    /// The delivery before, if its holder may still settle it.
    pub(crate) lapsed: Option<u64>,
    /// It counts among what waits in its partition.
    pub(crate) is_counted: bool,
    /// Where its first record of this life stands, if that is another one.
    pub(crate) origin: Option<Box<str>>,
}

/// What stood in the partition.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Message(Message),
    /// Bytes that are no message, and why.
    Bytes(Bytes, Box<str>),
}

impl Entry {
    pub(crate) fn of_message(message: Message, stored_at: Timestamp) -> Self {
        let ttl = message.ttl();
        Self {
            content: Content::Message(message),
            attempts: 0,
            recorded: 0,
            history: History::new(),
            stored_at,
            arrived_at: stored_at,
            expires: ttl.map(|ttl| stored_at.after(ttl)),
            due: None,
            is_scheduled: false,
            is_back: false,
            lapsed: None,
            is_counted: false,
            origin: None,
        }
    }

    pub(crate) fn of_bytes(bytes: Bytes, why: Box<str>) -> Self {
        Self {
            content: Content::Bytes(bytes, why),
            attempts: 0,
            recorded: 0,
            history: History::new(),
            stored_at: Timestamp::from_micros(0),
            arrived_at: Timestamp::from_micros(0),
            expires: None,
            due: None,
            is_scheduled: false,
            is_back: false,
            lapsed: None,
            is_counted: false,
            origin: None,
        }
    }

    pub(crate) fn message(&self) -> Option<&Message> {
        match &self.content {
            Content::Message(message) => Some(message),
            Content::Bytes(..) => None,
        }
    }

    /// Whether the group has had it before. What was scheduled comes as new when it is due.
    pub(crate) fn comes_back(&self) -> bool {
        self.attempts > 0 || (self.due.is_some() && !self.is_scheduled)
    }

    /// How many deliveries must be told of beside the offset.
    pub(crate) fn told(&self) -> u32 {
        self.attempts.saturating_sub(self.recorded)
    }

    /// How many bytes it takes, about.
    pub(crate) fn size(&self) -> usize {
        let content = match &self.content {
            Content::Message(message) => message.payload().len(),
            Content::Bytes(bytes, _) => bytes.len(),
        };
        content + 512
    }

    pub(crate) fn lane(&self) -> usize {
        self.message()
            .map_or(1, |m| usize::from(m.priority().as_u8()))
    }

    /// Its key, where messages of one key go one after the other.
    pub(crate) fn key(&self) -> Option<&str> {
        self.message().and_then(Message::key)
    }
}
