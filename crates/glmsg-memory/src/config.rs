//! How a broker is set up.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Overflow, TopicConfig};
use glmsg_core::{Clock, Error, ErrorKind, Result, limits};

use crate::TokioClock;

const KEYS: &str = "max_len, max_age, overflow, dead_letter_age, max_payload";

/// How a [`MemoryBroker`](crate::MemoryBroker) is set up.
///
/// ```
/// use glmsg_memory::MemoryConfig;
///
/// let config = MemoryConfig::from_url("memory:?max_len=5000&max_payload=65536")?;
/// assert_eq!(config.topic.max_len, 5000);
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct MemoryConfig {
    /// The largest payload accepted, in bytes; at most 16 MiB. Default: 1 MiB.
    pub max_payload: usize,
    /// The bounds of topics that are created by a publish or a subscription.
    pub topic: TopicConfig,
    /// Where time comes from. Default: [`TokioClock`].
    pub clock: Arc<dyn Clock>,
    /// What the broker is called in its health's details. Default: nothing.
    pub label: String,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            max_payload: limits::DEFAULT_MAX_PAYLOAD,
            topic: TopicConfig::default(),
            clock: Arc::new(TokioClock::new()),
            label: String::new(),
        }
    }
}

impl MemoryConfig {
    /// Reads `memory:`, `memory:LABEL`, and after a `?` any of `max_len` (messages),
    /// `max_age` and `dead_letter_age` (`500ms`, `30s`, `15m`, `12h` or `7d`), `overflow`
    /// (`reject` or `drop-oldest`) and `max_payload` (bytes). The label is for people: two brokers
    /// of one label share nothing.
    ///
    /// # Errors
    /// `ConfigInvalid` that names the key.
    pub fn from_url(url: &str) -> Result<Self> {
        let rest = url.strip_prefix("memory:").ok_or_else(|| {
            invalid("not a URL of the memory broker").remedy("write it like memory:?max_len=5000")
        })?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (label, query) = rest.split_once('?').unwrap_or((rest, ""));
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if label.len() > 64 || !label.chars().all(allowed) {
            return Err(
                invalid("the label of a memory broker is up to 64 of A-Z a-z 0-9 - _ .")
                    .remedy("this broker keeps no file; for one, use sqlite:PATH"),
            );
        }
        let mut config = Self {
            label: label.to_owned(),
            ..Self::default()
        };
        let mut seen = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            config.set(key, value)?;
            if seen.contains(&key) {
                return Err(invalid("a key is given twice").with("key", key));
            }
            seen.push(key);
        }
        config.topic.check()?;
        Ok(config)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let wrong = |expected: &str| {
            invalid(format!("`{key}` must be {expected}"))
                .with("got", format!("\"{}\"", excerpt(value)))
        };
        let age = || duration(value).ok_or_else(|| wrong("a time like 500ms, 30s, 15m, 12h or 7d"));
        match key {
            "max_len" => {
                self.topic.max_len = value.parse().map_err(|_| wrong("a number of messages"))?;
            }
            "max_age" => self.topic.max_age = age()?,
            "dead_letter_age" => self.topic.dead_letter_age = age()?,
            "overflow" => {
                self.topic.overflow = match value {
                    "reject" => Overflow::Reject,
                    "drop-oldest" => Overflow::DropOldest,
                    _ => return Err(wrong("reject or drop-oldest")),
                }
            }
            "max_payload" => {
                let bytes = value.parse().ok();
                self.max_payload = bytes
                    .filter(|n| *n <= limits::MAX_PAYLOAD)
                    .ok_or_else(|| wrong("a number of bytes, at most 16777216"))?;
            }
            _ => {
                return Err(invalid("unknown key in a memory URL")
                    .with("key", excerpt(key))
                    .remedy(format!("use {KEYS}")));
            }
        }
        Ok(())
    }

    /// Sets [`max_payload`](Self::max_payload), up to 16 MiB.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes.min(limits::MAX_PAYLOAD);
        self
    }

    /// Sets [`topic`](Self::topic).
    #[must_use]
    pub fn topic(mut self, bounds: TopicConfig) -> Self {
        self.topic = bounds;
        self
    }

    /// Sets [`clock`](Self::clock). A clone of a [`ManualClock`](glmsg_core::ManualClock) keeps
    /// the time in the caller's hand.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets [`label`](Self::label).
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }
}

fn invalid(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, why)
}

fn excerpt(text: &str) -> String {
    text.chars().take(48).flat_map(char::escape_debug).collect()
}

fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().ok()?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => 24 * 3600 * 1000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}
