//! Which files this process has open.
//!
//! On Unix, closing any descriptor of a file drops all locks that the process has on it, SQLite's
//! too. So a file that is in use here must not be opened and closed beside SQLite, as an inspection
//! does; and it needs none, because it was inspected when it was opened.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Key = (u64, u64);

static OPEN: Mutex<Vec<Key>> = Mutex::new(Vec::new());

/// Opening: one at a time in a process.
pub(super) struct Opening(MutexGuard<'static, Vec<Key>>);

/// A file in use, as long as this lives.
#[derive(Debug)]
pub(crate) struct InUse(Option<Key>);

impl Opening {
    pub(super) fn begin() -> Self {
        Self(OPEN.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `true` if this process has the file open.
    pub(super) fn is_in_use(&self, path: &Path) -> bool {
        key(path).is_some_and(|key| self.0.contains(&key))
    }

    /// It is open now.
    pub(super) fn finish(mut self, path: &Path) -> InUse {
        let key = key(path);
        self.0.extend(key);
        InUse(key)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|key| Some(*key) == self.0) {
            open.swap_remove(at);
        }
    }
}

#[cfg(unix)]
fn key(path: &Path) -> Option<Key> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn key(_: &Path) -> Option<Key> {
    None
}
