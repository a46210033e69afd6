//! How to subscribe.

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, GroupName, MemberName, MessageId, Result, TopicName};

use crate::{GroupConfig, Ordering, StartFrom};

/// How to subscribe to a topic as a member of a group.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// The topic. It is created with defaults if it does not exist.
    pub topic: TopicName,
    /// The group. It is created by `config` if it does not exist.
    pub group: GroupName,
    /// How a new group is set up. An existing group keeps its start; another ordering than its
    /// own is a `Conflict`.
    pub config: GroupConfig,
    /// This member's name. Default: a new unique one.
    pub member: MemberName,
    /// How long a delivery is this member's before it may go to another. It is renewed while the
    /// member lives. 100 ms to 1 h; default: 30 s.
    pub lease: Duration,
    /// How many messages may wait in this process beyond those being handled. Default: 128.
    pub prefetch: usize,
}

impl SubscribeOptions {
    /// A subscription with defaults.
    ///
    /// # Errors
    /// `InvalidArgument` if a name is not valid.
    pub fn new<T, G>(topic: T, group: G) -> Result<Self>
    where
        T: TryInto<TopicName>,
        G: TryInto<GroupName>,
        Error: From<T::Error> + From<G::Error>,
    {
        Ok(Self {
            topic: topic.try_into()?,
            group: group.try_into()?,
            config: GroupConfig::default(),
            member: MemberName::new(format!("m-{}", MessageId::new()))?,
            lease: Duration::from_secs(30),
            prefetch: 128,
        })
    }

    /// Where a new group begins.
    #[must_use]
    pub fn start(mut self, start: StartFrom) -> Self {
        self.config.start = start;
        self
    }

    /// In which order the group delivers.
    #[must_use]
    pub fn ordering(mut self, ordering: Ordering) -> Self {
        self.config.ordering = ordering;
        self
    }

    /// This member's name.
    #[must_use]
    pub fn member(mut self, member: MemberName) -> Self {
        self.member = member;
        self
    }

    /// How long a delivery is this member's.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How many messages may wait in this process.
    #[must_use]
    pub fn prefetch(mut self, messages: usize) -> Self {
        self.prefetch = messages;
        self
    }

    /// Checks the bounds; every backend calls it first.
    ///
    /// # Errors
    /// `InvalidArgument` if the lease is not 100 ms to 1 h or the prefetch not 1 to 100 000.
    pub fn check(&self) -> Result<()> {
        let wrong =
            |what: &str| Err(Error::new(ErrorKind::InvalidArgument, what).operation("subscribe"));
        if self.lease < Duration::from_millis(100) || self.lease > Duration::from_secs(3600) {
            return wrong("the lease must be 100 ms to 1 h");
        }
        if self.prefetch == 0 || self.prefetch > 100_000 {
            return wrong("the prefetch must be 1 to 100000");
        }
        Ok(())
    }
}
