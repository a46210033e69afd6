//! How a member of a transactional group is set up.

use std::time::Duration;

use glmsg_broker::StartFrom;
use glmsg_core::{Error, ErrorKind, Result};

/// The most messages of a transaction that [`run`](crate::Transactional::run) makes.
const LARGEST_BATCH: usize = 10_000;

/// How a member of a transactional group is set up.
///
/// ```
/// use std::time::Duration;
///
/// use glmsg_kafka::TransactionalOptions;
///
/// let options = TransactionalOptions::new("biller-1").timeout(Duration::from_secs(10));
/// assert_eq!(options.member, "biller-1");
/// assert_eq!(options.batch, 100);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct TransactionalOptions {
    /// Its name among the group's members: 1 to 100 of A-Z, a-z, 0-9, `_`, `-` and `.`. One that is
    /// restarted keeps it; two that run at a time have two.
    pub member: String,
    /// What the cluster knows its producer by: 1 to 249 bytes, without control characters. Default:
    /// the names of topic, group and member, with the namespace.
    pub transactional_id: Option<String>,
    /// Where a group begins that this makes. Default: the oldest message kept.
    pub start: StartFrom,
    /// The most messages of a transaction that [`run`](crate::Transactional::run) makes. Default:
    /// 100, at most 10 000.
    pub batch: usize,
    /// How long a transaction may take from its first message to its commit. Default: 30 s; 1 s to
    /// 10 min, and no longer than the brokers' `transaction.max.timeout.ms` less twice the timeout of
    /// an operation.
    pub timeout: Duration,
    /// How long [`run`](crate::Transactional::run) rests after a handler has failed. Default: 1 s, at
    /// most 1 h.
    pub retry_delay: Duration,
    /// Is told what is about to be done.
    pub(super) hook: Option<fn(&'static str)>,
}

impl TransactionalOptions {
    /// The defaults, for a member of that name.
    pub fn new(member: impl Into<String>) -> Self {
        Self {
            member: member.into(),
            transactional_id: None,
            start: StartFrom::Earliest,
            batch: 100,
            timeout: Duration::from_secs(30),
            retry_delay: Duration::from_secs(1),
            hook: None,
        }
    }

    /// Sets [`transactional_id`](Self::transactional_id).
    #[must_use]
    pub fn transactional_id(mut self, id: impl Into<String>) -> Self {
        self.transactional_id = Some(id.into());
        self
    }

    /// Sets [`start`](Self::start).
    #[must_use]
    pub fn start(mut self, start: StartFrom) -> Self {
        self.start = start;
        self
    }

    /// Sets [`batch`](Self::batch).
    #[must_use]
    pub fn batch(mut self, most: usize) -> Self {
        self.batch = most;
        self
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets [`retry_delay`](Self::retry_delay).
    #[must_use]
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retry_delay = delay;
        self
    }

    /// Has a function called before each step of a transaction, on the thread that does it: for
    /// tests.
    #[doc(hidden)]
    #[must_use]
    pub fn on_step(mut self, hook: fn(&'static str)) -> Self {
        self.hook = Some(hook);
        self
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// `InvalidArgument` that names the option.
    pub fn check(&self) -> Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if !(1..=100).contains(&self.member.len()) || !self.member.chars().all(plain) {
            return wrong("the member must be 1 to 100 of A-Z, a-z, 0-9, _, - and .");
        }
        let id = self.transactional_id.as_deref();
        if id.is_some_and(|id| !(1..=249).contains(&id.len()) || id.contains(char::is_control)) {
            return wrong(
                "the transactional id must have 1 to 249 bytes without control characters",
            );
        }
        if !(1..=LARGEST_BATCH).contains(&self.batch) {
            return wrong("the batch must be 1 to 10000 messages");
        }
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(600));
        if self.timeout < least || self.timeout > most {
            return wrong("the timeout of a transaction must be 1 s to 10 min");
        }
        if self.retry_delay > Duration::from_secs(3600) {
            return wrong("the retry delay must be at most 1 h");
        }
        Ok(())
    }

    /// The transactional id, for a group of this name in the cluster.
    pub(super) fn id(&self, group: &str) -> String {
        let given = self.transactional_id.clone();
        given.unwrap_or_else(|| format!("{group}..{}", self.member))
    }

    pub(super) fn step(&self, what: &'static str) {
        if let Some(hook) = self.hook {
            hook(what);
        }
    }
}

fn wrong(what: &str) -> Result<()> {
    Err(Error::new(ErrorKind::InvalidArgument, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let fine = || TransactionalOptions::new("a.b-1");
        fine().check().unwrap();
        let second = Duration::from_secs(1);
        for wrong in [
            TransactionalOptions::new(""),
            TransactionalOptions::new("a b"),
            fine().transactional_id(""),
            fine().transactional_id("a\nb"),
            fine().batch(0),
            fine().batch(10_001),
            fine().timeout(second / 2),
            fine().timeout(second * 601),
            fine().retry_delay(second * 3601),
        ] {
            let error = wrong.check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{wrong:?}");
        }
    }

    #[test]
    fn two_members_have_two_ids() {
        let id = |member: &str| TransactionalOptions::new(member).id("shop.orders..billing");
        assert_eq!(id("one"), "shop.orders..billing..one");
        assert_ne!(id("one"), id("two"));
        let given = TransactionalOptions::new("one").transactional_id("mine");
        assert_eq!(given.id("g"), "mine");
    }
}
