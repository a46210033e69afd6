//! What was said, key by key, and who has the last word.

use std::collections::BTreeMap;

use crate::schema::Key;
use crate::{Origin, Value};

/// Who says something. A later one has the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The file that was read as the first, second, …
    File(u32),
    /// A variable of the original's.
    OriginalVariable,
    /// A variable of ours.
    Variable,
    /// The program.
    Code,
}

/// A value that somebody gave.
#[derive(Debug, Clone)]
pub(crate) struct Assigned {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    pub(crate) rank: Rank,
}

/// The values that somebody gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given(BTreeMap<&'static str, Assigned>);

impl Given {
    /// Takes a value, unless somebody with a higher rank has given another.
    pub(crate) fn assign(&mut self, key: &'static Key, assigned: Assigned) {
        match self.0.get(key.name()) {
            Some(other) if other.rank > assigned.rank => {}
            _ => {
                self.0.insert(key.name(), assigned);
            }
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Assigned> {
        self.0.get(name)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(crate) fn origin(&self, name: &str) -> Origin {
        self.get(name)
            .map(|it| it.origin.clone())
            .unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Assigned)> {
        self.0.iter().map(|(name, assigned)| (*name, assigned))
    }

    /// What was given as a text, a word or a path; none where nothing was.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.value {
            Value::Text(text) => Some(text),
            Value::Secret(secret) => Some(secret.reveal()),
            _ => None,
        }
    }

    pub(crate) fn whole(&self, name: &str) -> Option<u64> {
        match self.get(name)?.value {
            Value::Whole(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)?.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)?.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    pub(crate) fn list(&self, name: &str) -> Option<&[String]> {
        match &self.get(name)?.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }
}
