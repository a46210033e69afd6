//! A key with its value, to be shown.

use std::fmt;

use crate::given::Assigned;
use crate::schema::Key;
use crate::{Origin, Value};

/// A key, its value, and where that comes from. `Display` is one line: `redis.port = 6379  (default)`.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: &'static Key,
    /// The value, if somebody has given one.
    pub value: Option<Value>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Entry {
    pub(super) fn of(key: &'static Key, assigned: Option<&Assigned>) -> Self {
        Self {
            key,
            value: assigned.map(|it| it.value.clone()),
            origin: assigned.map(|it| it.origin.clone()).unwrap_or_default(),
        }
    }

    /// The value as it may be shown: secrets are `***`. None where there is neither a value nor a
    /// default.
    pub fn shown(&self) -> Option<String> {
        let given = self.value.as_ref().map(Value::to_string);
        given.or_else(|| self.key.default_text().map(str::to_owned))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, origin, .. } = self;
        let shown = self.shown();
        write!(
            f,
            "{} = {}  ({origin})",
            key.name(),
            shown.as_deref().unwrap_or("-")
        )
    }
}
