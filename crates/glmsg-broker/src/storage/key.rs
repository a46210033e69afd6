//! Keys of logs and values.

use std::fmt;
use std::sync::Arc;

use glmsg_core::{Error, ErrorKind, Result};

/// The longest key, in bytes.
const MAX_KEY: usize = 512;

/// The key of a log or of a value: 1 to 512 bytes of UTF-8 without control characters. By
/// convention a path, whose parts are joined by `/`, the pattern's name first: `saga/order/4711`.
/// Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorageKey(Arc<str>);

impl StorageKey {
    /// Checks and takes `key`.
    ///
    /// # Errors
    /// `InvalidArgument` if it is empty, too long, or has a control character.
    ///
    /// ```
    /// use glmsg_broker::StorageKey;
    ///
    /// assert_eq!(StorageKey::new("saga/order/4711")?.as_str(), "saga/order/4711");
    /// assert!(StorageKey::new("").is_err());
    /// # Ok::<(), glmsg_core::Error>(())
    /// ```
    pub fn new(key: impl AsRef<str>) -> Result<Self> {
        let key = key.as_ref();
        if key.is_empty() {
            return Err(invalid("it is empty", key));
        }
        check(key)?;
        Ok(Self(key.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// What the keys of a list begin with; empty for all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyPrefix(Arc<str>);

impl KeyPrefix {
    /// Checks and takes `prefix`.
    ///
    /// # Errors
    /// `InvalidArgument` if it is too long or has a control character.
    pub fn new(prefix: impl AsRef<str>) -> Result<Self> {
        let prefix = prefix.as_ref();
        check(prefix)?;
        Ok(Self(prefix.into()))
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(key: &str) -> Result<()> {
    if key.len() > MAX_KEY {
        let why = format!("{} bytes, the limit is {MAX_KEY}", key.len());
        return Err(invalid(&why, key));
    }
    match key.chars().find(|c| c.is_control()) {
        Some(c) => Err(invalid(&format!("{c:?} is not allowed"), key)),
        None => Ok(()),
    }
}

fn invalid(why: &str, got: &str) -> Error {
    const SHOWN: usize = 48;
    let shown: String = got.chars().take(SHOWN).collect();
    Error::new(
        ErrorKind::InvalidArgument,
        format!("invalid storage key: {why}"),
    )
    .with("got", format!("{shown:?}"))
    .remedy("use 1 to 512 bytes of text without control characters")
}
