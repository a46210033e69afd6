//! What is refused for its risk.

use std::fmt;

use crate::given::Given;

/// What is refused for its risk.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Nothing.
    #[default]
    Development,
    /// What loses messages.
    Production,
}

impl Profile {
    pub(super) fn of(given: &Given) -> Self {
        match given.text("profile") {
            Some("production") => Self::Production,
            _ => Self::Development,
        }
    }

    /// The word for it in a file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
