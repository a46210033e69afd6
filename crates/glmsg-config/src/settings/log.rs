//! What is logged, and how.

use std::fmt;

use crate::given::Given;

/// The least that is logged.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LogLevel {
    /// Also what only helps to find a mistake.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What needs a look.
    Warning,
    /// What failed.
    Error,
}

impl LogLevel {
    /// What `tracing` calls it: `debug`, `info`, `warn`, `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warn",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a line of the log looks like.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What is logged, and how.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// The least that is logged. Default: [`LogLevel::Info`].
    pub level: LogLevel,
    /// What a line looks like. Default: [`LogFormat::Text`].
    pub format: LogFormat,
    /// Whether each message is logged, without its payload. Default: no.
    pub messages: bool,
}

impl LogSettings {
    pub(super) fn of(given: &Given) -> Self {
        Self {
            level: match given.text("log_level") {
                Some("DEBUG") => LogLevel::Debug,
                Some("WARNING") => LogLevel::Warning,
                Some("ERROR") => LogLevel::Error,
                _ => LogLevel::Info,
            },
            format: match given.text("log.format") {
                Some("json") => LogFormat::Json,
                _ => LogFormat::Text,
            },
            messages: given.flag("log_messages").unwrap_or(false),
        }
    }
}
