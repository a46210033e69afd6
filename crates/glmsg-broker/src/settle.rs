//! What a consumer does with a delivery, and what came of it.

use std::fmt;
use std::time::Duration;

use glmsg_core::{AttemptOutcome, DeadLetterReason, Timestamp, clean_error_text};

/// A backend's handle on one delivery: small, `Copy`, opaque to everybody else.
///
/// It names the place of the message and the one delivery of it (the fence), so that a settlement
/// by a consumer whose lease has passed to another is told from the holder's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    place: u64,
    sub: u64,
    fence: u64,
}

impl Token {
    /// A token of a backend's own making.
    pub const fn new(place: u64, sub: u64, fence: u64) -> Self {
        Self { place, sub, fence }
    }

    /// The first number given to [`new`](Self::new): by convention where the message stands.
    pub const fn place(self) -> u64 {
        self.place
    }

    /// The second number given to [`new`](Self::new).
    pub const fn sub(self) -> u64 {
        self.sub
    }

    /// The third number given to [`new`](Self::new): by convention which delivery this is.
    pub const fn fence(self) -> u64 {
        self.fence
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}.{:x}", self.place, self.sub, self.fence)
    }
}

/// Whether a message that was not handled comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// Deliver it again to this group, no sooner than this long from now. It becomes a dead letter
    /// instead if its attempts are used up.
    After(Duration),
    /// Make it a dead letter now.
    Never,
}

impl Requeue {
    /// Deliver it again at once.
    pub const NOW: Self = Self::After(Duration::ZERO);
}

/// A negative acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nack {
    /// Which delivery.
    pub token: Token,
    /// Whether it comes again.
    pub requeue: Requeue,
    /// How the attempt ended, for the history.
    pub outcome: AttemptOutcome,
    /// The dead letter's reason with [`Requeue::Never`].
    pub reason: DeadLetterReason,
    /// The reason in words, at most 1 KiB.
    pub error: Box<str>,
}

impl Nack {
    /// A failed attempt that is to be tried again after `delay`.
    pub fn retry(token: Token, delay: Duration, error: &str) -> Self {
        Self {
            token,
            requeue: Requeue::After(delay),
            outcome: AttemptOutcome::Failed,
            reason: DeadLetterReason::MaxRetries,
            error: clean_error_text(error),
        }
    }

    /// A message that is refused for good.
    pub fn reject(token: Token, reason: DeadLetterReason, error: &str) -> Self {
        Self {
            token,
            requeue: Requeue::Never,
            outcome: AttemptOutcome::Rejected,
            reason,
            error: clean_error_text(error),
        }
    }

    /// The same with another outcome for the history.
    #[must_use]
    pub fn outcome(mut self, outcome: AttemptOutcome) -> Self {
        self.outcome = outcome;
        self
    }
}

/// What came of an ack, nack, release or extension.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Acked: this group never sees it again.
    Acked,
    /// It comes again, no sooner than this, by the broker's clock.
    Retried(Timestamp),
    /// It is a dead letter of this group now.
    DeadLettered(DeadLetterReason),
    /// It was given back; the attempt does not count.
    Released,
    /// Its lease now runs until this, by the broker's clock.
    Extended(Timestamp),
    /// Nothing was done: the delivery was settled before, or its lease ran out and somebody else
    /// has received the message since.
    Stale,
}

impl Settled {
    /// `false` if nothing was done because the delivery was no longer the caller's.
    pub fn is_current(self) -> bool {
        self != Self::Stale
    }
}
