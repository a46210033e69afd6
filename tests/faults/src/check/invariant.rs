//! The names of what is checked.

use std::fmt;

/// One property of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// The ledger can be judged: messages were published, the faults of the case happened, no outcome lacks its step.
    I0,
    /// No acked loss: what the store said it has was handled, is a dead letter, or is still stored, for every group.
    I1,
    /// No phantom: what was delivered had been published, and had not been refused.
    I2,
    /// Nothing stuck: in the end nothing waits, is held, or is delayed.
    I3,
    /// Duplicates have a reason: each redelivery follows a nack, a lost lease or a fault, and nothing is stored twice.
    I4,
    /// Order by key: first completions of a key's messages come in the order of their sequence.
    I5,
    /// Attempts are bounded, and end in exactly one dead letter.
    I6,
    /// A lease is one consumer's: nobody else receives before it ends, and nobody settles after losing it.
    I7,
    /// Exactly once: the output holds each published message once.
    I8,
    /// Available: publishing is interrupted no longer than allowed, resources return to their baseline, nobody panics.
    I9,
    /// Honest: the health check and the counters of errors tell of the fault.
    I10,
}

impl Invariant {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::I0,
        Self::I1,
        Self::I2,
        Self::I3,
        Self::I4,
        Self::I5,
        Self::I6,
        Self::I7,
        Self::I8,
        Self::I9,
        Self::I10,
    ];

    /// What it says, in two words.
    pub fn title(self) -> &'static str {
        match self {
            Self::I0 => "usable ledger",
            Self::I1 => "no acked loss",
            Self::I2 => "no phantom",
            Self::I3 => "nothing stuck",
            Self::I4 => "duplicates with a reason",
            Self::I5 => "order by key",
            Self::I6 => "bounded attempts",
            Self::I7 => "leases kept",
            Self::I8 => "exactly once",
            Self::I9 => "available",
            Self::I10 => "honest",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} {}", self.title())
    }
}
