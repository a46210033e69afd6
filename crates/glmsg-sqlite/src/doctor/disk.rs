//! The room on the disk.

use std::path::Path;

/// How many bytes this user may still write where the file is; `None` if the system does not tell.
#[cfg(unix)]
pub(super) fn free(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
pub(super) fn free(_path: &Path) -> Option<u64> {
    None
}
