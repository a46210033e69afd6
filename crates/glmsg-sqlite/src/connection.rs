//! Opening the file: refused before it is touched, or ready to be used.

mod inspect;
mod registry;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use glmsg_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags};

pub(crate) use registry::InUse;

use crate::SqliteConfig;
use crate::error::{Sql, from_sqlite, is_busy};
use crate::schema;

/// Statements kept prepared on each connection.
const STATEMENTS: usize = 128;
/// The first release with the fix of a bug that could damage a database in WAL mode.
const MIN_SQLITE: i32 = 3_051_003;

/// The file's path, made absolute so that nothing in it is taken for a URI.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| {
        Error::new(ErrorKind::InvalidArgument, "not a path")
            .with("path", path.display())
            .source(e)
    })
}

/// Opens the connection that writes, creating or migrating the store.
pub(crate) fn open_writer(config: &SqliteConfig, path: &Path) -> Result<(Connection, InUse)> {
    let named = |error: Error| error.operation("open").with("path", path.display());
    check_library().map_err(named)?;
    let opening = registry::Opening::begin();
    let is_unclean = !opening.is_in_use(path) && inspect::inspect(path).map_err(named)?;
    let conn = prepare(config, path, is_unclean).map_err(named)?;
    Ok((conn, opening.finish(path)))
}

fn check_library() -> Result<()> {
    if rusqlite::version_number() < MIN_SQLITE {
        return Err(
            Error::new(ErrorKind::Unsupported, "SQLite is older than 3.51.3")
                .with("version", rusqlite::version())
                .remedy("build with rusqlite's bundled SQLite"),
        );
    }
    Ok(())
}

fn prepare(config: &SqliteConfig, path: &Path, is_unclean: bool) -> Result<Connection> {
    let mut conn = open(path, OpenFlags::SQLITE_OPEN_CREATE).map_err(from_sqlite)?;
    let patience = Patience::new(config.busy_timeout);
    if is_unclean {
        // Should it turn out to be damaged, closing must not copy the log into the file.
        let untouched = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        let set = conn.set_db_config(untouched, true);
        set.map_err(from_sqlite)?;
        patience
            .insist(|| quick_check(&conn))
            .map_err(from_sqlite)?
            .map_or(Ok(()), |found| Err(damaged(&found)))?;
        conn.set_db_config(untouched, false).map_err(from_sqlite)?;
    }
    let version = patience
        .insist(|| schema::found(&conn))
        .map_err(from_sqlite)?;
    if version > schema::version() {
        return Err(newer(version));
    }
    if version < schema::version() {
        patience
            .insist_mut(|| schema::migrate(&mut conn))
            .map_err(from_sqlite)?;
    }
    patience
        .insist(|| configure(&conn, config))
        .map_err(from_sqlite)?;
    Ok(conn)
}

fn open(path: &Path, extra: OpenFlags) -> Sql<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | extra;
    let conn = Connection::open_with_flags(path, flags)?;
    // Waiting for a lock is done by `Patience`, whose naps are shorter than SQLite's.
    conn.busy_timeout(Duration::ZERO)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

fn configure(conn: &Connection, config: &SqliteConfig) -> Sql<()> {
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        tracing::warn!(mode, "the file system does not allow a write-ahead log");
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", false)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "wal_autocheckpoint", config.wal_autocheckpoint)?;
    conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
    conn.pragma_update(None, "cache_size", -16384)?;
    if let Some(limit) = config.max_file_size {
        let page: u32 = conn.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = limit / u64::from(page.max(1));
        let pages = u32::try_from(pages).unwrap_or(u32::MAX - 1).max(1);
        let _: i64 = conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| {
            row.get(0)
        })?;
    }
    Ok(())
}

/// Opens a connection that reads.
pub(crate) fn open_reader(path: &Path) -> Sql<Connection> {
    let conn = open(path, OpenFlags::empty())?;
    // Readers never wait for the writer, only for a recovery after a crash.
    conn.busy_timeout(Duration::from_secs(10))?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

/// What is wrong with the file; nothing if it is sound.
pub(crate) fn quick_check(conn: &Connection) -> Sql<Option<String>> {
    let found: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

fn damaged(found: &str) -> Error {
    let found: String = found.chars().take(200).collect();
    Error::new(ErrorKind::Conflict, "the database is damaged")
        .with("found", found.replace('\n', " "))
        .remedy("restore it from a backup, or move it away to begin anew")
}

fn newer(version: i32) -> Error {
    let text = format!(
        "the store has schema version {version}, this build knows up to {}",
        schema::version()
    );
    Error::new(ErrorKind::Conflict, text).remedy("use the newer glmsg that wrote it")
}

/// Trying again while another process holds a lock: short naps of random length, so that two
/// processes do not fall into step.
#[derive(Debug)]
pub(crate) struct Patience {
    deadline: Instant,
}

impl Patience {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            deadline: Instant::now() + timeout,
        }
    }

    /// Repeats `step` until it meets no lock.
    pub(crate) fn insist<T>(&self, step: impl Fn() -> Sql<T>) -> Sql<T> {
        self.insist_mut(step)
    }

    pub(crate) fn insist_mut<T>(&self, step: impl FnMut() -> Sql<T>) -> Sql<T> {
        self.insist_unless(step, || false)
    }

    /// The same, but `is_hopeless` can end it early.
    pub(crate) fn insist_unless<T>(
        &self,
        mut step: impl FnMut() -> Sql<T>,
        mut is_hopeless: impl FnMut() -> bool,
    ) -> Sql<T> {
        let mut tries = 0;
        loop {
            match step() {
                Err(error)
                    if is_busy(&error) && Instant::now() < self.deadline && !is_hopeless() =>
                {
                    thread::sleep(nap(tries));
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }
}

/// 0.1 to 0.3 ms at first, up to 1 ms after a while.
fn nap(tries: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(tries) % 100;
    let longest = if tries < 20 { 3 } else { 10 };
    Duration::from_micros(100 + random * (longest - 1))
}
