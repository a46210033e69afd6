//! Waiting for messages: a fetch that stays with the writer until there is something for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{Intake, Token};
use glmsg_core::{Result, Timestamp};
use tokio::sync::oneshot;

/// A delivery as the writer hands it out: not decoded.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) token: Token,
    pub(crate) attempt: u32,
    pub(crate) history: Option<Vec<u8>>,
    pub(crate) body: Bytes,
}

/// What a fetch has found.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) raws: Vec<Raw>,
    pub(crate) intake: Intake,
    /// When it was taken.
    pub(crate) at: Timestamp,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.raws.is_empty() && self.intake == Intake::default()
    }
}

const WITHDRAWN: u8 = 1;
const RUNNING: u8 = 2;

/// Whether the one who asked still waits. A receive that is given up must take nothing from then
/// on, unless the writer is just about it: what it takes then is kept for the next receive.
#[derive(Debug, Default)]
pub(crate) struct Interest(AtomicU8);

impl Interest {
    /// The one who asked has given up.
    pub(crate) fn withdraw(&self) {
        self.0.fetch_or(WITHDRAWN, Ordering::AcqRel);
    }

    /// `true` if it was given up before the writer took it on: there will be no answer.
    pub(crate) fn is_void(&self) -> bool {
        self.0.load(Ordering::Acquire) == WITHDRAWN
    }

    /// The writer takes it on; `false` if it was given up.
    pub(crate) fn take_on(&self) -> bool {
        let begun = self
            .0
            .compare_exchange(0, RUNNING, Ordering::AcqRel, Ordering::Acquire);
        begun.is_ok()
    }

    /// The writer has found nothing; `false` if it was given up meanwhile.
    pub(crate) fn put_back(&self) -> bool {
        let back = self
            .0
            .compare_exchange(RUNNING, 0, Ordering::AcqRel, Ordering::Acquire);
        back.is_ok()
    }
}

/// Withdraws the interest when a receive is dropped half-way.
pub(crate) struct Withdrawal(Option<Arc<Interest>>);

impl Withdrawal {
    pub(crate) fn of(interest: &Arc<Interest>) -> Self {
        Self(Some(Arc::clone(interest)))
    }

    /// The answer is there.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        if let Some(interest) = &self.0 {
            interest.withdraw();
        }
    }
}

/// A member's wish for messages.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) topic: i64,
    pub(crate) group: i64,
    pub(crate) member: i64,
    pub(crate) max: usize,
    pub(crate) lease: Duration,
    pub(crate) interest: Arc<Interest>,
    pub(crate) reply: oneshot::Sender<Result<Batch>>,
}

/// A fetch that waits.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) fetch: Fetch,
    /// To be looked at in the next transaction, whatever happens.
    pub(crate) is_fresh: bool,
    /// When there may be something without anybody doing anything.
    pub(crate) next_due: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawn_interest_is_not_taken_on() {
        let interest = Interest::default();
        interest.withdraw();
        assert!(interest.is_void());
        assert!(!interest.take_on());
    }

    #[test]
    fn an_interest_taken_on_gets_its_answer() {
        let interest = Interest::default();
        assert!(interest.take_on());
        interest.withdraw();
        assert!(!interest.is_void());
        assert!(!interest.put_back());
    }

    #[test]
    fn finding_nothing_waits_on() {
        let interest = Interest::default();
        assert!(interest.take_on() && interest.put_back() && interest.take_on());
    }
}
