//! The raw twin of the event store on SQLite: one table, its key the version.

use std::time::Instant;

use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::events::{Appending, WARM};
use crate::outcome::must_equal;
use crate::{Measured, Outcome, Stopwatch, raw_store, sample};

const TABLE: &str = "
    CREATE TABLE event (
        stream INTEGER NOT NULL,
        version INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (stream, version)
    ) WITHOUT ROWID;
";
const VERSION: &str = "SELECT coalesce(max(version), 0) FROM event WHERE stream = 1";
const INSERT: &str = "INSERT INTO event (stream, version, body) VALUES (1, ?1, ?2)";
const READ: &str =
    "SELECT version, body FROM event WHERE stream = 1 AND version > ?1 ORDER BY version LIMIT ?2";
/// How many events are read at once.
const PAGE: u64 = 1000;

/// A table of events, each as large as the library's, in a directory that goes away with it.
pub(crate) struct RawEvents {
    conn: Connection,
    also: usize,
    /// Held for its drop, after the connection's.
    _directory: TempDir,
}

impl RawEvents {
    /// Behind each payload come `also` bytes.
    pub(crate) fn open(also: usize) -> Outcome<Self> {
        let directory = tempfile::tempdir()?;
        let conn = raw_store::open(&directory.path().join("raw.db"), TABLE)?;
        Ok(Self {
            conn,
            also,
            _directory: directory,
        })
    }

    pub(crate) fn filled(also: usize, count: u64) -> Outcome<Self> {
        let mut this = Self::open(also)?;
        let mut next = 0;
        while next < count {
            let end = count.min(next + PAGE);
            this.append(next, end)?;
            next = end;
        }
        Ok(this)
    }

    /// Appends, each time in one transaction that looks at the version first.
    pub(crate) fn append_for(mut self, appending: Appending) -> Outcome<Measured> {
        for number in 0..WARM {
            self.append(number, number + 1)?;
        }
        let watch = Stopwatch::start();
        let end = Instant::now() + appending.lasting;
        let mut next = WARM;
        while Instant::now() < end {
            self.append(next, next + appending.batch)?;
            next += appending.batch;
        }
        let measured = watch.stop(next - WARM);
        self.must_hold(next)?;
        Ok(measured)
    }

    /// Reads all events in order, `count` of them.
    pub(crate) fn replay(&self, count: u64) -> Outcome<Measured> {
        let watch = Stopwatch::start();
        self.must_hold(count)?;
        Ok(watch.stop(count))
    }

    fn append(&mut self, first: u64, end: u64) -> Outcome<()> {
        let tx = self.conn.transaction()?;
        let version: i64 = tx
            .prepare_cached(VERSION)?
            .query_row([], |row| row.get(0))?;
        must_equal("version", version.cast_unsigned(), first)?;
        let mut insert = tx.prepare_cached(INSERT)?;
        for number in first..end {
            let body = body(number, self.also);
            insert.execute(params![(number + 1).cast_signed(), body])?;
        }
        drop(insert);
        Ok(tx.commit()?)
    }

    fn must_hold(&self, count: u64) -> Outcome<()> {
        let mut read = self.conn.prepare_cached(READ)?;
        let mut found: u64 = 0;
        loop {
            let before = found;
            let rows = read.query_map([found.cast_signed(), PAGE.cast_signed()], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            })?;
            for row in rows {
                let (version, body) = row?;
                must_equal("version", version.cast_unsigned(), found + 1)?;
                must_equal("event", sample::number(&body).unwrap_or_default(), found)?;
                found += 1;
            }
            if found - before < PAGE {
                return must_equal("events", found, count);
            }
        }
    }
}

/// What an event is stored as: a payload, and as many bytes as the library has around it.
pub(crate) fn body(number: u64, also: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(sample::PAYLOAD + also);
    body.extend_from_slice(&sample::payload(number));
    body.resize(sample::PAYLOAD + also, 0x5A);
    body
}
