//! What became of the attempts at a message.

use std::fmt;

use crate::Timestamp;
use crate::limits::{MAX_ERROR_TEXT, MAX_HISTORY};

/// How one attempt at a message ended.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AttemptOutcome {
    /// The handler returned an error, or the consumer gave it back with a reason.
    Failed = 0,
    /// The handler did not finish within its time-out.
    TimedOut = 1,
    /// The handler panicked.
    Panicked = 2,
    /// The lease ran out: the consumer crashed, stalled or dropped the delivery.
    LeaseExpired = 3,
    /// Whoever ran the handler stopped it and counted the attempt. A drain that runs out of time
    /// does not: it releases the message.
    Aborted = 4,
    /// The consumer refused the message for good.
    Rejected = 5,
}

impl AttemptOutcome {
    /// All outcomes; an outcome's number on the wire is its place here.
    pub const ALL: [Self; 6] = [
        Self::Failed,
        Self::TimedOut,
        Self::Panicked,
        Self::LeaseExpired,
        Self::Aborted,
        Self::Rejected,
    ];

    /// The name as printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Panicked => "panicked",
            Self::LeaseExpired => "lease-expired",
            Self::Aborted => "aborted",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One ended attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which attempt it was, from 1.
    pub number: u32,
    /// When it ended, by the broker's clock.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The reason given, cut to 1 KiB, control characters replaced; may be empty.
    pub error: Box<str>,
}

impl Attempt {
    /// An attempt that ended at `at`; cleans and cuts `error`.
    pub fn new(number: u32, at: Timestamp, outcome: AttemptOutcome, error: &str) -> Self {
        Self {
            number,
            at,
            outcome,
            error: clean_error_text(error),
        }
    }
}

/// The last ten ended attempts at a message by one group, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History(Vec<Attempt>);

impl History {
    /// No attempts. Allocates nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends an attempt; the oldest goes if there are more than ten.
    pub fn push(&mut self, attempt: Attempt) {
        if self.0.len() >= MAX_HISTORY {
            self.0.remove(0);
        }
        self.0.push(attempt);
    }

    /// The attempts kept, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0
    }

    /// The attempt that ended last.
    pub fn last(&self) -> Option<&Attempt> {
        self.0.last()
    }

    /// How many are kept; at most ten.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// `true` if no attempt has ended yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Makes a text fit to be stored and printed: 1 KiB at most, control characters as spaces.
pub fn clean_error_text(text: &str) -> Box<str> {
    let mut out = String::with_capacity(text.len().min(MAX_ERROR_TEXT));
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if out.len() + c.len_utf8() > MAX_ERROR_TEXT {
            break;
        }
        out.push(c);
    }
    out.into()
}
