//! How a setting is refused.

use glmsg_core::{Error, ErrorKind};

use crate::Origin;

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
