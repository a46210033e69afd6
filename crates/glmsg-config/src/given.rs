//! What was said, key by key, and who has the last word.

use std::collections::{BTreeMap, BTreeSet};

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
pub(crate) struct Given {
    values: BTreeMap<&'static str, Assigned>,
    doubts: BTreeSet<&'static str>,
    is_unread: bool,
}

impl Given {
    /// Takes a value, unless somebody with a higher rank has given another.
    pub(crate) fn assign(&mut self, key: &'static Key, assigned: Assigned) {
        match self.values.get(key.name()) {
            Some(other) if other.rank > assigned.rank => {}
            _ => {
                self.values.insert(key.name(), assigned);
            }
        }
    }

    /// Somebody has meant this key, or section, and it is not known what: of its value nothing follows.
    pub(crate) fn doubt(&mut self, name: &'static str) {
        self.doubts.insert(name);
    }

    /// Whether something else was meant than what is known of any of these keys or sections.
    pub(crate) fn is_doubtful(&self, names: &[&str]) -> bool {
        let has = |name: &str| self.doubts.contains(name);
        let mut names = names.iter();
        names.any(|name| {
            has(name)
                || name
                    .split_once('.')
                    .is_some_and(|(section, _)| has(section))
        })
    }

    /// Whether a key of this section is doubtful.
    pub(crate) fn has_doubts_in(&self, section: &str) -> bool {
        let mut sections = self.doubts.iter().filter_map(|name| name.split_once('.'));
        sections.any(|(of, _)| of == section)
    }

    /// There is a file that could not be read: of nothing is known what was meant.
    pub(crate) fn leave_unread(&mut self) {
        self.is_unread = true;
    }

    pub(crate) fn is_unread(&self) -> bool {
        self.is_unread
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Assigned> {
        self.values.get(name)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }

    pub(crate) fn origin(&self, name: &str) -> Origin {
        self.get(name)
            .map(|it| it.origin.clone())
            .unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Assigned)> {
        let values = self.values.iter();
        values.map(|(name, assigned)| (*name, assigned))
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
