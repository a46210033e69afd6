//! Finding, redriving and purging dead letters.

use glmsg_core::{DeadLetterReason, GroupName, MessageId, TopicName};

/// Which dead letters of a group are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterSelector {
    /// All of them.
    All,
    /// Those of these ids.
    Ids(Vec<MessageId>),
    /// Those of this reason.
    Reason(DeadLetterReason),
}

/// Which dead letters to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterQuery {
    /// Of this topic.
    pub topic: TopicName,
    /// Of this group.
    pub group: GroupName,
    /// Only these. Default: all.
    pub selector: DeadLetterSelector,
    /// Only those after the page that ended with this. Default: from the first.
    pub after: Option<PageToken>,
    /// At most this many. Default: 100.
    pub limit: usize,
}

impl DeadLetterQuery {
    /// The first hundred dead letters of `group`, oldest first.
    pub fn new(topic: TopicName, group: GroupName) -> Self {
        Self {
            topic,
            group,
            selector: DeadLetterSelector::All,
            after: None,
            limit: 100,
        }
    }

    /// Only those that `selector` means.
    #[must_use]
    pub fn selector(mut self, selector: DeadLetterSelector) -> Self {
        self.selector = selector;
        self
    }

    /// At most `limit` of them.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Only those after `page`.
    #[must_use]
    pub fn after(mut self, page: Option<PageToken>) -> Self {
        self.after = page;
        self
    }
}

/// Where the next page begins; opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken(pub String);

/// Part of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items, oldest first.
    pub items: Vec<T>,
    /// Given if there may be more.
    pub next: Option<PageToken>,
}
