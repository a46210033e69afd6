//! How a setting is refused.

use glmsg_core::{Error, ErrorKind, Result};

use crate::Origin;

/// What is wrong, in the order in which it was found.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Error>);

impl Faults {
    /// What was checked, or none where it is wrong, which is kept.
    pub(crate) fn note<T>(&mut self, checked: Result<T>) -> Option<T> {
        checked.map_err(|error| self.add(error)).ok()
    }

    pub(crate) fn add(&mut self, error: Error) {
        self.0.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_all(self) -> Vec<Error> {
        self.0
    }
}

impl Clone for Faults {
    fn clone(&self) -> Self {
        Self(self.0.iter().map(Error::duplicate).collect())
    }
}

/// A setting that is not acceptable: what is wrong, and where it is said.
pub(crate) fn refused(what: impl Into<String>, at: &Origin) -> Error {
    let error = Error::new(ErrorKind::ConfigInvalid, what).operation("config");
    match at {
        Origin::Default => error,
        origin => error.with("at", origin),
    }
}

/// The beginning of what was written, so that a line stays one line.
pub(crate) fn excerpt(text: &str) -> String {
    let most = 40;
    let mut shown: String = text
        .chars()
        .take(most)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}
