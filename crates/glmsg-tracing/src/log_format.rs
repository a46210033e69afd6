//! How a log line looks.

use std::fmt;
use std::str::FromStr;

use glmsg_core::{Error, ErrorKind, Result};

/// How a log line looks.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line: `timestamp`, `level`, `target`, `message`, the line's own fields, and
    /// `spans`, of which the one named `process` has the message's id and trace.
    Json,
}

impl LogFormat {
    /// `text` or `json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LogFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(
                Error::new(ErrorKind::ConfigInvalid, "the log format is not known")
                    .remedy("write text or json"),
            ),
        }
    }
}
