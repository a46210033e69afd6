//! Which log lines are written.

use std::fmt;
use std::str::FromStr;

use glmsg_core::{Error, ErrorKind, Result};
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// Which log lines are written: a level, or levels of targets.
///
/// | text | lines |
/// | --- | --- |
/// | `DEBUG`, `INFO`, `WARNING`, `ERROR` | this level and what is graver |
/// | `TRACE`, `OFF` | all, none |
/// | `info,glmsg_redis=debug,hyper=off` | of each target by the longest prefix of its name |
///
/// Upper and lower case are one; `WARN` is `WARNING`, and `CRITICAL` is `ERROR`. Default: `INFO`.
///
/// ```
/// use glmsg_tracing::LogFilter;
///
/// let filter: LogFilter = "WARNING".parse()?;
/// assert_eq!(filter.to_string(), "warn");
/// assert!("info,glmsg=loud".parse::<LogFilter>().is_err());
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LogFilter(Targets);

impl LogFilter {
    pub(crate) fn targets(&self) -> &Targets {
        &self.0
    }

    /// The level of a target, by its own name or by a prefix of it.
    pub(crate) fn level_of(&self, target: &str) -> LevelFilter {
        let levels = [
            Level::TRACE,
            Level::DEBUG,
            Level::INFO,
            Level::WARN,
            Level::ERROR,
        ];
        let most = levels
            .iter()
            .find(|level| self.0.would_enable(target, level));
        most.map_or(LevelFilter::OFF, |level| LevelFilter::from_level(*level))
    }

    /// Whether a target is named itself.
    pub(crate) fn names(&self, target: &str) -> bool {
        self.0.iter().any(|(named, _)| named == target)
    }

    /// Whether no line at all is let through.
    pub(crate) fn is_off(&self) -> bool {
        let is_off = |level| level == LevelFilter::OFF;
        self.0.default_level().is_none_or(is_off) && self.0.iter().all(|(_, level)| is_off(level))
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self(Targets::new().with_default(LevelFilter::INFO))
    }
}

impl FromStr for LogFilter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let level = match text.trim().to_ascii_lowercase().as_str() {
            "trace" => Some(LevelFilter::TRACE),
            "debug" => Some(LevelFilter::DEBUG),
            "info" => Some(LevelFilter::INFO),
            "warning" | "warn" => Some(LevelFilter::WARN),
            "error" | "critical" => Some(LevelFilter::ERROR),
            "off" => Some(LevelFilter::OFF),
            _ => None,
        };
        if let Some(level) = level {
            return Ok(Self(Targets::new().with_default(level)));
        }
        // A word alone would be a target whose every line is written: a level that is misspelled.
        let wrong = || {
            let got: String = text.chars().take(64).collect();
            Error::new(ErrorKind::ConfigInvalid, "the log level is not known")
                .with("got", format!("\"{}\"", got.escape_debug()))
                .remedy(
                    "write DEBUG, INFO, WARNING or ERROR, or a list like info,glmsg_redis=debug",
                )
        };
        if !text.contains('=') {
            return Err(wrong());
        }
        text.parse().map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_taken_by_their_names() {
        for (text, level) in [
            ("DEBUG", "debug"),
            ("info", "info"),
            ("Warning", "warn"),
            ("WARN", "warn"),
            ("CRITICAL", "error"),
            (" off ", "off"),
            ("info,glmsg_redis=debug", "glmsg_redis=debug,info"),
        ] {
            assert_eq!(text.parse::<LogFilter>().unwrap().to_string(), level);
        }
        for wrong in ["", "LOUD", "glmsg", "glmsg=loud", "5x", "a=b=c"] {
            let error = wrong.parse::<LogFilter>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{wrong}");
        }
    }
}
