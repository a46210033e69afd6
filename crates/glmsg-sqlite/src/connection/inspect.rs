//! Looking at a file without touching it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use glmsg_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags};

use super::{damaged, newer, quick_check};
use crate::error::from_sqlite;
use crate::schema;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Up to this size a file is checked whole, even if it was closed in order.
const CHECKED_ALWAYS: u64 = 64 << 20;
/// A file that was not closed in order is checked up to this size: larger ones take too long.
const CHECKED_UNCLEAN: u64 = 256 << 20;

/// Refuses what is no store of ours. `true` if the store was not closed in order, or is in use,
/// and is to be checked.
pub(super) fn inspect(path: &Path) -> Result<bool> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return check_parent(path),
        Err(e) => return Err(unreadable(e)),
    };
    if found.is_dir() {
        return Err(
            Error::new(ErrorKind::InvalidArgument, "the path is a directory")
                .remedy("name a file in it"),
        );
    }
    if !found.is_file() {
        return Err(
            Error::new(ErrorKind::InvalidArgument, "the path is no regular file")
                .remedy("choose another path"),
        );
    }
    if found.permissions().readonly() {
        return Err(
            Error::new(ErrorKind::PermissionDenied, "the file is read-only")
                .remedy("allow this user to write the file and its directory"),
        );
    }
    // Opened for writing, and not written: whether it is allowed is seen before SQLite tries.
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(unreadable)?;
    if found.len() == 0 {
        return Ok(false);
    }
    let header = Header::read(&mut file)?;
    header.check()?;
    let is_checked = found.len() <= CHECKED_UNCLEAN;
    if is_in_use(path) {
        return Ok(is_checked);
    }
    let checked = header.check_size(found.len()).and_then(|()| {
        if found.len() <= CHECKED_ALWAYS {
            check_untouched(path)?;
        }
        Ok(())
    });
    match checked {
        // Somebody has opened it meanwhile: to be checked again, under locks.
        Err(_) if is_in_use(path) => Ok(is_checked),
        Err(e) => Err(e),
        Ok(()) => Ok(false),
    }
}

/// `true` if the last to use it did not close it in order, or somebody uses it now.
fn is_in_use(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name).exists()
    })
}

fn check_parent(path: &Path) -> Result<bool> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    match parent.map(fs::metadata) {
        Some(Ok(parent)) if !parent.is_dir() => Err(Error::new(
            ErrorKind::InvalidArgument,
            "the directory of the database is no directory",
        )),
        Some(Err(e)) if e.kind() == io::ErrorKind::NotFound => Err(Error::new(
            ErrorKind::NotFound,
            "the directory of the database does not exist",
        )
        .remedy("create it first")),
        Some(Err(e)) => Err(unreadable(e)),
        _ => Ok(false),
    }
}

fn unreadable(error: io::Error) -> Error {
    let (kind, text) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::NotFound, "there is no such file"),
        io::ErrorKind::PermissionDenied => (
            ErrorKind::PermissionDenied,
            "the file may not be read and written",
        ),
        io::ErrorKind::ReadOnlyFilesystem => (
            ErrorKind::PermissionDenied,
            "the file is on a read-only file system",
        ),
        io::ErrorKind::InvalidInput => (ErrorKind::InvalidArgument, "not a path"),
        _ => (ErrorKind::Unexpected, "the file cannot be looked at"),
    };
    Error::new(kind, text).source(error)
}

/// The first hundred bytes of a database file.
struct Header([u8; 100]);

impl Header {
    fn read(file: &mut File) -> Result<Self> {
        let mut bytes = [0; 100];
        match file.read_exact(&mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err(no_database()),
            Err(e) => Err(unreadable(e)),
        }
    }

    fn number(&self, at: usize) -> i32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.0[at..at + 4]);
        i32::from_be_bytes(bytes)
    }

    fn check(&self) -> Result<()> {
        if self.0[..16] != *MAGIC {
            return Err(no_database());
        }
        let owner = self.number(68);
        if owner != schema::APPLICATION_ID {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the file is a SQLite database of another program",
            )
            .with("application_id", owner)
            .remedy("choose another file"));
        }
        let version = self.number(60);
        if version > schema::version() {
            return Err(newer(version));
        }
        Ok(())
    }

    /// Refuses a file that is shorter than it says.
    fn check_size(&self, size: u64) -> Result<()> {
        let page = match u16::from_be_bytes([self.0[16], self.0[17]]) {
            1 => 65536,
            page => u64::from(page),
        };
        let pages = u64::try_from(self.number(28)).unwrap_or(0);
        // The count holds only if the change counter says so.
        if self.number(24) == self.number(92) && size < page * pages {
            let found = format!("{size} bytes of {}", page * pages);
            return Err(damaged(&found));
        }
        Ok(())
    }
}

fn no_database() -> Error {
    Error::new(ErrorKind::Conflict, "the file is no SQLite database").remedy("choose another file")
}

/// Checks a file that was closed in order, without the locks and logs of an ordinary connection.
fn check_untouched(path: &Path) -> Result<()> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(char::from(*byte)),
            b if b.is_ascii_alphanumeric() => uri.push(char::from(*b)),
            b => uri.push_str(&format!("%{b:02x}")),
        }
    }
    uri.push_str("?immutable=1&mode=ro");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(uri, flags).map_err(from_sqlite)?;
    match quick_check(&conn) {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(damaged(&found)),
        Err(e) => Err(damaged(&e.to_string())),
    }
}
