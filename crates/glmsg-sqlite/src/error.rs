//! What SQLite's errors mean here.

use glmsg_core::{Error, ErrorKind, GroupName, RetryClass, TopicName};
use rusqlite::ErrorCode;

/// Why a step of the store was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite failed: the transaction cannot go on.
    Sql(rusqlite::Error),
    /// The call is refused and has changed nothing; others in the transaction go on.
    Refused(Error),
}

pub(crate) type Sql<T> = Result<T, rusqlite::Error>;
pub(crate) type Outcome<T> = Result<T, Failure>;

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sql(error) => from_sqlite(error),
            Failure::Refused(error) => error,
        }
    }
}

/// SQLite's error in glmsg's terms.
pub(crate) fn from_sqlite(error: rusqlite::Error) -> Error {
    let (kind, text, remedy) = describe(error.sqlite_error_code());
    let mapped = Error::new(kind, text).source(error);
    match remedy {
        Some(remedy) => mapped.remedy(remedy),
        None => mapped,
    }
}

type Description = (ErrorKind, &'static str, Option<&'static str>);

fn describe(code: Option<ErrorCode>) -> Description {
    match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::Unavailable,
            "another process kept the database locked for too long",
            Some("try again, or wait longer: sqlite:PATH?busy_timeout_ms=60000"),
        ),
        Some(ErrorCode::FileLockingProtocolFailed) => (
            ErrorKind::Unavailable,
            "the file system's locks do not work",
            Some("keep the database on a local disk"),
        ),
        Some(ErrorCode::DiskFull) => (
            ErrorKind::Full,
            "there is no space left for the database",
            Some("free disk space, or raise max_file_size"),
        ),
        Some(ErrorCode::OutOfMemory) => (ErrorKind::Unavailable, "SQLite has no memory", None),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
            ErrorKind::PermissionDenied,
            "the database cannot be written",
            Some("allow this user to write the file and its directory"),
        ),
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::NotFound,
            "the database file cannot be opened",
            Some("check that its directory exists and may be written"),
        ),
        Some(ErrorCode::NotADatabase) => (
            ErrorKind::Conflict,
            "the file is no SQLite database",
            Some("choose another file"),
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            ErrorKind::Unexpected,
            "the database is damaged",
            Some("restore it from a backup"),
        ),
        Some(ErrorCode::SystemIoFailure) => (
            ErrorKind::Unexpected,
            "reading or writing the database file failed",
            Some("check the disk, then open the store again"),
        ),
        Some(ErrorCode::TooBig) => (ErrorKind::TooLarge, "a value is too large for SQLite", None),
        Some(ErrorCode::OperationInterrupted) => (ErrorKind::Timeout, "it was interrupted", None),
        _ => (ErrorKind::Unexpected, "SQLite failed", None),
    }
}

/// `true` if somebody else holds the lock, and nothing else is wrong.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// `true` if what the file holds is no longer known, or not to be trusted.
pub(crate) fn is_fatal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
        )
    )
}

/// What every call gets after a write has failed in an unknown state.
pub(crate) fn poisoned(cause: &Error) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("the store stopped after a failed write: {cause}"),
    )
    .retry(RetryClass::Never)
    .remedy("check the disk, then open the store again")
}

/// What those get whose commit failed.
pub(crate) fn indeterminate(cause: &Error) -> Error {
    Error::new(
        ErrorKind::Indeterminate,
        format!("the commit failed, it may or may not be on the disk: {cause}"),
    )
    .retry(RetryClass::Never)
    .remedy("open the store again, then repeat the call")
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the broker is closed")
}

pub(crate) fn no_topic(topic: &TopicName) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such topic").with("topic", topic)
}

pub(crate) fn no_group(topic: &TopicName, group: &GroupName) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such group")
        .with("topic", topic)
        .with("group", group)
}

/// A position or page token of some other origin.
pub(crate) fn not_ours(what: &str, got: &str) -> Error {
    let got: String = got.chars().take(48).flat_map(char::escape_debug).collect();
    let text = format!("this {what} is not one of the sqlite broker's");
    Error::new(ErrorKind::InvalidArgument, text).with("got", got)
}

#[cfg(test)]
mod tests {
    use glmsg_core::ErrorKind as K;
    use rusqlite::ffi;

    use super::*;

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn every_code_has_its_kind() {
        for (code, kind, transient, fatal) in [
            (ffi::SQLITE_BUSY, K::Unavailable, true, false),
            (ffi::SQLITE_BUSY_SNAPSHOT, K::Unavailable, true, false),
            (ffi::SQLITE_BUSY_RECOVERY, K::Unavailable, true, false),
            (ffi::SQLITE_LOCKED, K::Unavailable, true, false),
            (ffi::SQLITE_PROTOCOL, K::Unavailable, true, false),
            (ffi::SQLITE_NOMEM, K::Unavailable, true, false),
            (ffi::SQLITE_FULL, K::Full, true, false),
            (ffi::SQLITE_READONLY, K::PermissionDenied, false, false),
            (ffi::SQLITE_PERM, K::PermissionDenied, false, false),
            (ffi::SQLITE_CANTOPEN, K::NotFound, false, true),
            (ffi::SQLITE_NOTADB, K::Conflict, false, true),
            (ffi::SQLITE_CORRUPT, K::Unexpected, false, true),
            (ffi::SQLITE_IOERR, K::Unexpected, false, true),
            (ffi::SQLITE_IOERR_FSYNC, K::Unexpected, false, true),
            (ffi::SQLITE_IOERR_WRITE, K::Unexpected, false, true),
            (ffi::SQLITE_TOOBIG, K::TooLarge, false, false),
            (ffi::SQLITE_INTERRUPT, K::Timeout, true, false),
            (ffi::SQLITE_ERROR, K::Unexpected, false, false),
            (ffi::SQLITE_CONSTRAINT, K::Unexpected, false, false),
            (ffi::SQLITE_MISUSE, K::Unexpected, false, false),
        ] {
            assert_eq!(is_fatal(&failure(code)), fatal, "{code}");
            let error = from_sqlite(failure(code));
            assert_eq!(error.kind(), kind, "{code}");
            assert_eq!(error.is_transient(), transient, "{code}");
        }
    }
}
