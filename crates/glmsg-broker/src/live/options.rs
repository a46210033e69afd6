//! How to listen.

use glmsg_core::{Error, ErrorKind, Result, TopicPattern};

/// How to listen live.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveOptions {
    /// The topics to listen to.
    pub pattern: TopicPattern,
    /// How many messages wait in this process for a listener that is slower than they come; then
    /// the oldest go. 1 to 100 000; default: 1024. Their payloads may take 32 MiB.
    pub buffer: usize,
}

impl LiveOptions {
    /// Listening with defaults to all topics that match a pattern.
    ///
    /// ```
    /// use glmsg_broker::LiveOptions;
    ///
    /// let options = LiveOptions::new("orders.**")?.buffer(10_000);
    /// # Ok::<(), glmsg_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` if the pattern is not valid.
    pub fn new<P>(pattern: P) -> Result<Self>
    where
        P: TryInto<TopicPattern>,
        Error: From<P::Error>,
    {
        Ok(Self {
            pattern: pattern.try_into()?,
            buffer: 1024,
        })
    }

    /// Sets [`buffer`](Self::buffer).
    #[must_use]
    pub fn buffer(mut self, messages: usize) -> Self {
        self.buffer = messages;
        self
    }

    /// Checks the bounds; every backend calls it first.
    ///
    /// # Errors
    /// `InvalidArgument` if the buffer is not 1 to 100 000 messages.
    pub fn check(&self) -> Result<()> {
        if (1..=100_000).contains(&self.buffer) {
            return Ok(());
        }
        let what = "the buffer must be 1 to 100000 messages";
        Err(Error::new(ErrorKind::InvalidArgument, what).operation("listen"))
    }
}
