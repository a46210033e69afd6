//! Names that a backend only takes in a certain form: said here, where file and line are known.

use glmsg_core::Result;

use crate::fault::refused;
use crate::given::Given;

/// A-Z, a-z, 0-9 and these.
pub(super) fn plain(given: &Given, key: &str, also: &str, most: usize) -> Result<()> {
    let fine = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    match given.text(key) {
        Some(text) if text.len() > most || !text.chars().all(fine) => Err(refused(
            format!("{key} takes up to {most} of A-Z, a-z, 0-9 and {also}"),
            &given.origin(key),
        )),
        _ => Ok(()),
    }
}

/// What a server shows in a list of its clients.
pub(super) fn visible(given: &Given, key: &str) -> Result<()> {
    match given.text(key) {
        Some(text) if text.len() > 64 || !text.chars().all(|c| c.is_ascii_graphic()) => {
            Err(refused(
                format!("{key} takes up to 64 visible ASCII characters without a space"),
                &given.origin(key),
            ))
        }
        _ => Ok(()),
    }
}

/// `local`, `fsynced` or `replicated:N`.
pub(super) fn durability(given: &Given, key: &str) -> Result<()> {
    let fine = |text: &str| match text.strip_prefix("replicated:") {
        Some(copies) => copies.parse::<u8>().is_ok_and(|copies| copies > 0),
        None => matches!(text, "local" | "fsynced"),
    };
    match given.text(key) {
        Some(text) if !fine(text) => Err(refused(
            format!("{key} takes local, fsynced or replicated:N"),
            &given.origin(key),
        )),
        _ => Ok(()),
    }
}
