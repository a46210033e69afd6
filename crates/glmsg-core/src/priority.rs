//! Message priority.

use std::fmt;
use std::str::FromStr;

use crate::{Error, ErrorKind, Result};

/// How urgent a message is. A group takes higher priorities first; the lowest still moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Priority {
    /// When there is nothing else to do.
    Low = 0,
    /// The default.
    #[default]
    Normal = 1,
    /// Before normal work.
    High = 2,
    /// Before everything else.
    Critical = 3,
}

impl Priority {
    /// All priorities, lowest first; a priority's number is its place here.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Critical];

    /// The number on the wire: 0 low, 1 normal, 2 high, 3 critical.
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// The priority of a number on the wire.
    pub const fn from_u8(n: u8) -> Option<Self> {
        match n {
            0 => Some(Self::Low),
            1 => Some(Self::Normal),
            2 => Some(Self::High),
            3 => Some(Self::Critical),
            _ => None,
        }
    }

    /// `low`, `normal`, `high` or `critical`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL
            .into_iter()
            .find(|p| p.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "unknown priority")
                .with("got", format!("\"{}\"", crate::name::excerpt(text)))
                .remedy("use low, normal, high or critical")
        })
    }
}
