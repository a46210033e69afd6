//! What a change expects, and how it ended.

/// Which version a change expects to find; it is made only then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// Any version, also that there is nothing yet.
    Any,
    /// This version; 0 expects that there is nothing yet.
    Version(u64),
}

impl Expected {
    /// That there is nothing yet.
    pub const NOTHING: Self = Self::Version(0);

    /// Whether `actual` is as expected.
    pub const fn is_met_by(self, actual: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Version(expected) => expected == actual,
        }
    }
}

/// How a change ended.
#[must_use = "a change that conflicts was not made"]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// It was made, and this is the version now.
    Made(u64),
    /// Nothing was changed: this version was found in place of the expected one.
    Conflict(u64),
}

impl Change {
    /// The version now, where the change was made.
    pub const fn made(self) -> Option<u64> {
        match self {
            Self::Made(version) => Some(version),
            Self::Conflict(_) => None,
        }
    }
}
