//! Changing logs and values.

use std::rc::Rc;

use bytes::Bytes;
use glmsg_broker::{Change, Expected, StorageKey};
use rusqlite::{Connection, OptionalExtension};

use super::store::Store;
use crate::error::Sql;

/// How many expired values a put clears away: more than it can leave.
const CLEARED: i64 = 16;
/// How many records of a removed log one transaction clears away.
const CLEARED_RECORDS: i64 = 1000;

impl Store {
    pub(crate) fn append(
        &mut self,
        log: &StorageKey,
        expected: Expected,
        records: &[Bytes],
    ) -> Sql<Change> {
        let conn = Rc::clone(&self.conn);
        let found: Option<(i64, i64, i64)> = conn
            .prepare_cached("SELECT id, version, last_at FROM log WHERE key = ?")?
            .query_row([log.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let version = found.map_or(0, |(_, version, _)| version);
        let actual = version.unsigned_abs();
        if !expected.is_met_by(actual) {
            return Ok(Change::Conflict(actual));
        }
        if records.is_empty() {
            return Ok(Change::Made(actual));
        }
        let at = self
            .now
            .as_micros()
            .max(found.map_or(0, |(_, _, last_at)| last_at));
        let last = version + i64::try_from(records.len()).unwrap_or(i64::MAX);
        let id = if let Some((id, ..)) = found {
            conn.prepare_cached("UPDATE log SET version = ?, last_at = ? WHERE id = ?")?
                .execute((last, at, id))?;
            id
        } else {
            conn.prepare_cached("INSERT INTO log (key, version, last_at) VALUES (?, ?, ?)")?
                .execute((log.as_str(), last, at))?;
            conn.last_insert_rowid()
        };
        let mut insert =
            conn.prepare_cached("INSERT INTO record (log, version, at, data) VALUES (?, ?, ?, ?)")?;
        for (data, version) in records.iter().zip(version + 1..) {
            insert.execute((id, version, at, &data[..]))?;
        }
        Ok(Change::Made(last.unsigned_abs()))
    }

    pub(crate) fn remove_log(&mut self, log: &StorageKey, expected: Expected) -> Sql<Change> {
        let conn = Rc::clone(&self.conn);
        let found: Option<(i64, i64)> = conn
            .prepare_cached("SELECT id, version FROM log WHERE key = ?")?
            .query_row([log.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let actual = found.map_or(0, |(_, version)| version.unsigned_abs());
        if !expected.is_met_by(actual) {
            return Ok(Change::Conflict(actual));
        }
        if let Some((id, _)) = found {
            conn.prepare_cached("DELETE FROM log WHERE id = ?")?
                .execute([id])?;
            // Its records are many, perhaps.
            conn.prepare_cached("INSERT OR IGNORE INTO garbage (kind, id) VALUES (2, ?)")?
                .execute([id])?;
            self.has_garbage = true;
        }
        Ok(Change::Made(0))
    }

    /// `expires` is in microseconds since 1970.
    pub(crate) fn put(
        &mut self,
        key: &StorageKey,
        data: &[u8],
        expected: Expected,
        expires: Option<i64>,
    ) -> Sql<Change> {
        let conn = Rc::clone(&self.conn);
        let now = self.now.as_micros();
        let actual = living(&conn, key, now)?;
        if !expected.is_met_by(actual.unsigned_abs()) {
            return Ok(Change::Conflict(actual.unsigned_abs()));
        }
        clear_expired(&conn, now)?;
        // Gone already, unless there were too many.
        let version = match actual {
            0 => {
                drop_value(&conn, key)?;
                floor(&conn)?
            }
            _ => actual,
        } + 1;
        conn.prepare_cached(
            "INSERT INTO value (key, version, expires, data) VALUES (?, ?, ?, ?) \
             ON CONFLICT (key) DO UPDATE SET version = excluded.version, \
             expires = excluded.expires, data = excluded.data",
        )?
        .execute((key.as_str(), version, expires, data))?;
        Ok(Change::Made(version.unsigned_abs()))
    }

    pub(crate) fn remove(&mut self, key: &StorageKey, expected: Expected) -> Sql<Change> {
        let conn = Rc::clone(&self.conn);
        let actual = living(&conn, key, self.now.as_micros())?.unsigned_abs();
        if !expected.is_met_by(actual) {
            return Ok(Change::Conflict(actual));
        }
        drop_value(&conn, key)?;
        Ok(Change::Made(0))
    }
}

/// The version of a value that has not expired, or 0.
fn living(conn: &Connection, key: &StorageKey, now: i64) -> Sql<i64> {
    let version = conn
        .prepare_cached(
            "SELECT version FROM value WHERE key = ? AND (expires IS NULL OR expires > ?)",
        )?
        .query_row((key.as_str(), now), |row| row.get(0))
        .optional()?;
    Ok(version.unwrap_or(0))
}

/// The greatest version of a value that is gone.
fn floor(conn: &Connection) -> Sql<i64> {
    let floor = conn
        .prepare_cached("SELECT value FROM meta WHERE name = 'value_floor'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(floor.unwrap_or(0))
}

fn raise_floor(conn: &Connection, version: i64) -> Sql<()> {
    conn.prepare_cached(
        "INSERT INTO meta (name, value) VALUES ('value_floor', ?) \
         ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
    )?
    .execute([version])
    .map(drop)
}

fn drop_value(conn: &Connection, key: &StorageKey) -> Sql<()> {
    let version = conn
        .prepare_cached("DELETE FROM value WHERE key = ? RETURNING version")?
        .query_row([key.as_str()], |row| row.get(0))
        .optional()?;
    version.map_or(Ok(()), |version| raise_floor(conn, version))
}

fn clear_expired(conn: &Connection, now: i64) -> Sql<()> {
    let mut clear = conn.prepare_cached(
        "DELETE FROM value WHERE rowid IN \
         (SELECT rowid FROM value WHERE expires <= ? ORDER BY expires LIMIT ?) RETURNING version",
    )?;
    let versions = clear.query_map((now, CLEARED), |row| row.get(0))?;
    let versions: Vec<i64> = versions.collect::<Sql<_>>()?;
    match versions.into_iter().max() {
        Some(greatest) => raise_floor(conn, greatest),
        None => Ok(()),
    }
}

/// Clears away some records of a log that was removed; how many.
pub(super) fn clear_log(conn: &Connection, id: i64) -> Sql<usize> {
    conn.prepare_cached(
        "DELETE FROM record WHERE rowid IN (SELECT rowid FROM record WHERE log = ? LIMIT ?)",
    )?
    .execute((id, CLEARED_RECORDS))
}
