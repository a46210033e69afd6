//! Topics and their bounds.

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result, TopicName};

use crate::Frames;

/// What happens to a publish when a topic is full of messages that some group has not acked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// It is refused with [`Published::Full`](crate::Published::Full). Nothing is lost.
    #[default]
    Reject,
    /// The oldest message goes, acked or not.
    DropOldest,
}

/// How much a topic holds and for how long.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// The most messages, acked ones kept for replay included. Default: 100 000.
    pub max_len: u64,
    /// How long an acked message is kept for replay. Default: 7 days.
    pub max_age: Duration,
    /// What happens when it is full. Default: refuse.
    pub overflow: Overflow,
    /// How long a dead letter is kept. Default: 30 days.
    pub dead_letter_age: Duration,
    /// Whether and how messages are packed. Default: each is stored on its own.
    pub frames: Option<Frames>,
}

impl Default for TopicConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            max_len: 100_000,
            max_age: 7 * DAY,
            overflow: Overflow::Reject,
            dead_letter_age: 30 * DAY,
            frames: None,
        }
    }
}

impl TopicConfig {
    /// Sets [`max_len`](Self::max_len).
    #[must_use]
    pub fn max_len(mut self, messages: u64) -> Self {
        self.max_len = messages;
        self
    }

    /// Sets [`max_age`](Self::max_age).
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Sets [`overflow`](Self::overflow).
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets [`dead_letter_age`](Self::dead_letter_age).
    #[must_use]
    pub fn dead_letter_age(mut self, age: Duration) -> Self {
        self.dead_letter_age = age;
        self
    }

    /// Packs messages into [`frames`](Self::frames).
    #[must_use]
    pub fn frames(mut self, frames: Frames) -> Self {
        self.frames = Some(frames);
        self
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// `ConfigInvalid` if `max_len` is 0 or over 2^32, or from [`Frames::check`].
    pub fn check(&self) -> Result<()> {
        if self.max_len == 0 || self.max_len > 1 << 32 {
            return Err(
                Error::new(ErrorKind::ConfigInvalid, "max_len must be 1 to 4294967296")
                    .with("got", self.max_len),
            );
        }
        self.frames.as_ref().map_or(Ok(()), Frames::check)
    }
}

/// A topic as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: TopicName,
    /// How many messages it holds, acked ones kept for replay and scheduled ones included.
    pub messages: u64,
    /// How many of them are not due yet.
    pub scheduled: u64,
    /// How many groups read it.
    pub groups: u64,
    /// Dead letters of all its groups.
    pub dead_letters: u64,
    /// Its bounds.
    pub config: TopicConfig,
}
