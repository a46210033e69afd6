//! How messages are consumed.

use std::time::Duration;

use glmsg_broker::{ConsumerBuilder, RetryPolicy, StartFrom};
use glmsg_core::{GroupName, Result};

use crate::fault::refused;
use crate::given::Given;

/// How messages are consumed.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerSettings {
    /// The group, where none is named otherwise.
    pub group: Option<GroupName>,
    /// Where a new group begins. Default: the oldest message kept.
    pub start: StartFrom,
    /// How many messages may wait in the process. Default: 128.
    pub prefetch: usize,
    /// How many messages are handled at the same time; none where nothing is said.
    pub workers: Option<usize>,
    /// How long a message is a consumer's without a sign of life. Default: 30 s.
    pub lease: Duration,
    /// The most retries that a consumer allows; none where a message decides.
    pub max_retries: Option<u16>,
}

impl ConsumerSettings {
    pub(super) fn of(given: &Given) -> Result<Self> {
        let group = match given.text("consumer.group") {
            Some(name) => Some(GroupName::new(name).map_err(|e| {
                let at = given.origin("consumer.group");
                refused("consumer.group is no name of a group", &at).remedy(e.message())
            })?),
            None => None,
        };
        let small = |name: &str| given.whole(name).and_then(|n| usize::try_from(n).ok());
        Ok(Self {
            group,
            start: match given.text("consumer.start") {
                Some("latest") => StartFrom::Latest,
                _ => StartFrom::Earliest,
            },
            prefetch: small("consumer.prefetch").unwrap_or(128),
            workers: small("consumer.workers"),
            lease: Duration::from_millis(given.whole("consumer.lease_ms").unwrap_or(30_000)),
            max_retries: given
                .whole("message.max_retries")
                .and_then(|retries| u16::try_from(retries).ok()),
        })
    }

    /// The default policy, with the retries that are allowed.
    pub fn retry_policy(&self) -> RetryPolicy {
        let policy = RetryPolicy::default();
        match self.max_retries {
            Some(retries) => policy.max_attempts(u32::from(retries) + 1),
            None => policy,
        }
    }

    pub(super) fn set_up(&self, consumer: ConsumerBuilder) -> ConsumerBuilder {
        let consumer = consumer
            .start_from(self.start.clone())
            .prefetch(self.prefetch)
            .lease(self.lease)
            .retry(self.retry_policy());
        match self.workers {
            Some(workers) => consumer.workers(workers),
            None => consumer,
        }
    }
}
