//! Consumer groups.

use glmsg_core::{GroupName, MemberName, MessageId, Timestamp, TopicName};

use crate::Position;

/// Where a new group, or a replay, begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StartFrom {
    /// The oldest message kept.
    #[default]
    Earliest,
    /// The next message to be published.
    Latest,
    /// The first message stored at or after this time, by the broker's clock.
    Time(Timestamp),
    /// The message with this id; `NotFound` if the topic does not hold it.
    Message(MessageId),
    /// A position that a replay reported: the message after it.
    After(Position),
}

/// In which order a group's messages are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ordering {
    /// By priority, then by age; retries and concurrency may change it.
    #[default]
    None,
    /// As `None` between keys; messages of one key and one priority one after the other, also
    /// across retries: the next is delivered when the one before is acked or a dead letter.
    PerKey,
}

/// How a group is set up. It is fixed when the group is created.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupConfig {
    /// Where it begins. Default: the oldest message kept.
    pub start: StartFrom,
    /// In which order it delivers. Default: no order between messages.
    pub ordering: Ordering,
}

impl GroupConfig {
    /// Sets [`start`](Self::start).
    #[must_use]
    pub fn start(mut self, start: StartFrom) -> Self {
        self.start = start;
        self
    }

    /// Sets [`ordering`](Self::ordering).
    #[must_use]
    pub fn ordering(mut self, ordering: Ordering) -> Self {
        self.ordering = ordering;
        self
    }
}

/// A group as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// Its topic.
    pub topic: TopicName,
    /// Its name.
    pub name: GroupName,
    /// Its order.
    pub ordering: Ordering,
    /// How many members are subscribed now.
    pub members: u64,
    /// When it was created, by the broker's clock.
    pub created_at: Timestamp,
}

/// One subscription of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its name.
    pub name: MemberName,
    /// When it was last seen, by the broker's clock. A member that died without leaving is shown
    /// until three of its leases have passed.
    pub seen_at: Timestamp,
    /// How many messages it holds.
    pub pending: u64,
}
