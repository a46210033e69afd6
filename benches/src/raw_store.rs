//! The raw twin of the SQLite store: one table with one index, and nothing else.

use std::path::Path;

use glmsg::MessageId;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::outcome::must_equal;
use crate::{Outcome, sample};

/// The settings of the library's store that bear on speed.
const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 2000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -16384;
";
const TABLE: &str = "
    CREATE TABLE message (
        seq INTEGER PRIMARY KEY,
        topic INTEGER NOT NULL,
        id BLOB NOT NULL,
        state INTEGER NOT NULL DEFAULT 0,
        lease INTEGER,
        body BLOB NOT NULL
    );
    CREATE UNIQUE INDEX message_id ON message (topic, id);
";

const INSERT: &str = "INSERT INTO message (topic, id, body) VALUES (1, ?1, ?2)";
const LEASE: &str = "
    UPDATE message SET state = 1, lease = ?1
    WHERE seq IN (SELECT seq FROM message WHERE state = 0 ORDER BY seq LIMIT ?2)
    RETURNING seq, body";
const DELETE: &str = "DELETE FROM message WHERE seq = ?1";

/// A table in a directory that goes away with it.
pub(crate) struct RawStore {
    conn: Connection,
    /// Held for its drop, after the connection's.
    _directory: TempDir,
}

impl RawStore {
    pub(crate) fn open() -> Outcome<Self> {
        let directory = tempfile::tempdir()?;
        let conn = open(&directory.path().join("raw.db"), TABLE)?;
        Ok(Self {
            conn,
            _directory: directory,
        })
    }

    pub(crate) fn filled(count: u64) -> Outcome<Self> {
        let mut store = Self::open()?;
        let mut next = 0;
        while next < count {
            let end = count.min(next + 1000);
            store.insert(next..end)?;
            next = end;
        }
        Ok(store)
    }

    /// Inserts messages in one transaction.
    pub(crate) fn insert(&mut self, numbers: impl IntoIterator<Item = u64>) -> Outcome<()> {
        self.insert_bodies(numbers.into_iter().map(sample::payload))
    }

    /// Inserts these bodies, each under a new id, in one transaction.
    pub(crate) fn insert_bodies(
        &mut self,
        bodies: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Outcome<()> {
        let tx = self.conn.transaction()?;
        let mut insert = tx.prepare_cached(INSERT)?;
        for body in bodies {
            let id = MessageId::new();
            insert.execute(params![id.as_bytes(), body.as_ref()])?;
        }
        drop(insert);
        Ok(tx.commit()?)
    }

    /// Leases the next messages in one transaction.
    pub(crate) fn lease(&mut self, max: u64, deadline: i64) -> Outcome<Vec<(i64, Vec<u8>)>> {
        let tx = self.conn.transaction()?;
        let mut lease = tx.prepare_cached(LEASE)?;
        let rows = lease.query_map(params![deadline, max.cast_signed()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let leased = rows.collect::<Result<_, _>>()?;
        drop(lease);
        tx.commit()?;
        Ok(leased)
    }

    /// Deletes messages in one transaction.
    pub(crate) fn delete(&mut self, rows: &[i64]) -> Outcome<()> {
        let tx = self.conn.transaction()?;
        let mut delete = tx.prepare_cached(DELETE)?;
        for seq in rows {
            must_equal("rows deleted", delete.execute([seq])? as u64, 1)?;
        }
        drop(delete);
        Ok(tx.commit()?)
    }

    /// Fails unless it holds exactly `count` messages.
    pub(crate) fn must_hold(&self, count: u64) -> Outcome<()> {
        let sql = "SELECT count(*) FROM message";
        let held: i64 = self.conn.query_row(sql, [], |row| row.get(0))?;
        must_equal("rows", held.cast_unsigned(), count)
    }
}

/// A new store of this table.
pub(crate) fn open(path: &Path, table: &str) -> Outcome<Connection> {
    let conn = Connection::open(path)?;
    conn.execute_batch(SETTINGS)?;
    conn.execute_batch(table)?;
    Ok(conn)
}
