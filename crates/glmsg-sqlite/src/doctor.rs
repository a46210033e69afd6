//! How a store is set up: its journal, its flushes, its file, and the room there is.

mod disk;
mod judge;

use std::path::{Path, PathBuf};
use std::time::Duration;

use glmsg_broker::Finding;
use glmsg_core::Result;
use rusqlite::{Connection, ErrorCode, InterruptHandle};
use tokio::sync::oneshot;

use crate::SqliteBroker;
use crate::connection::{absolute, quick_check};
use crate::error::{Outcome, Sql};
use crate::schema;

/// How long the file may be looked through; at 500 MB/s, about 5 GB.
const LONGEST_CHECK: Duration = Duration::from_secs(10);

/// What there is to know about a store.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    sqlite: String,
    schema: i32,
    journal: String,
    /// The writer's `PRAGMA synchronous`.
    synchronous: i64,
    /// Sizes in bytes.
    file: u64,
    log: u64,
    /// The largest that the file may become, if it is bounded.
    max_file: Option<u64>,
    disk_free: Option<u64>,
    /// How far the clock was set back.
    clock_behind: Duration,
    check: Check,
}

/// What came of looking through the file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Check {
    Sound,
    Damaged(String),
    /// It took too long.
    Unfinished,
}

impl SqliteBroker {
    pub(crate) async fn examine(&self) -> Result<Vec<Finding>> {
        self.check_open()?;
        let synchronous = self.handle.call(1, |store| store.synchronous()).await?;
        let path = absolute(&self.config.path)?;
        let disk_free = disk::free(&path);
        let read = self
            .readers
            .read(move |conn| Ok(Facts::read(conn, &path)?))
            .await?;
        let facts = Facts {
            synchronous,
            disk_free,
            max_file: self.config.max_file_size,
            clock_behind: self.clock.now().since(self.config.clock.now()),
            check: self.look_through().await?,
            ..read
        };
        Ok(judge::all(&facts))
    }

    /// Looks through the file, as long as that does not take too long.
    async fn look_through(&self) -> Result<Check> {
        let (sender, handle) = oneshot::channel::<InterruptHandle>();
        let mut check = std::pin::pin!(self.readers.read(move |conn| {
            // Nobody is there to be told only if nobody waits any longer.
            let _ = sender.send(conn.get_interrupt_handle());
            checked(conn)
        }));
        if let Ok(check) = tokio::time::timeout(LONGEST_CHECK, &mut check).await {
            return check;
        }
        if let Ok(handle) = handle.await {
            handle.interrupt();
        }
        check.await
    }
}

fn checked(conn: &Connection) -> Outcome<Check> {
    match quick_check(conn) {
        Ok(None) => Ok(Check::Sound),
        Ok(Some(found)) => Ok(Check::Damaged(found)),
        Err(error) => match error.sqlite_error_code() {
            // By ourselves.
            Some(ErrorCode::OperationInterrupted) => Ok(Check::Unfinished),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Ok(Check::Damaged(error.to_string()))
            }
            _ => Err(error.into()),
        },
    }
}

impl Facts {
    fn read(conn: &Connection, path: &Path) -> Sql<Self> {
        let word = |pragma: &str| -> Sql<String> {
            conn.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
        };
        let size = |suffix: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            std::fs::metadata(PathBuf::from(name)).map_or(0, |found| found.len())
        };
        Ok(Self {
            sqlite: rusqlite::version().to_owned(),
            schema: schema::found(conn)?,
            journal: word("journal_mode")?,
            synchronous: 0,
            file: size(""),
            log: size("-wal"),
            max_file: None,
            disk_free: None,
            clock_behind: Duration::ZERO,
            check: Check::Unfinished,
        })
    }
}
