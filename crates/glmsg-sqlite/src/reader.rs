//! Connections that read: each call sees one consistent state, and the writer is not held up.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use glmsg_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

use crate::connection::{InUse, open_reader};
use crate::error::{Outcome, from_sqlite};

/// Idle connections that are kept.
const MOST_IDLE: usize = 4;

/// A pool of connections that read.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Behind the connections: it must go after them.
    _in_use: Arc<InUse>,
}

impl Readers {
    pub(crate) fn new(path: &Path, in_use: Arc<InUse>) -> Self {
        Self {
            path: path.to_path_buf(),
            idle: Mutex::new(Vec::new()),
            _in_use: in_use,
        }
    }

    /// Runs `read` on one state of the store, outside the async threads.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    {
        let readers = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || readers.read_now(read));
        let done = task.await;
        done.unwrap_or_else(|e| {
            Err(Error::new(ErrorKind::Unexpected, "the reader did not finish").source(e))
        })
    }

    fn read_now<T>(&self, read: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        let idle = self.lock().pop();
        let mut conn = match idle {
            Some(conn) => conn,
            None => open_reader(&self.path).map_err(from_sqlite)?,
        };
        let outcome = match conn.transaction() {
            Ok(tx) => read(&tx).map_err(Error::from),
            Err(e) => Err(from_sqlite(e)),
        };
        let mut idle = self.lock();
        if idle.len() < MOST_IDLE {
            idle.push(conn);
        }
        outcome
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the idle connections.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }
}
