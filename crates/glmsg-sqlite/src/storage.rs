//! Logs and values: changes go by the writer, and are read as everything is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{
    Change, Expected, KeyPrefix, Record, Storage, StorageKey, Value, check_append, check_put,
};
use glmsg_core::{Result, Timestamp};
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::SqliteBroker;
use crate::clock::GuardedClock;
use crate::error::{Outcome, closed};
use crate::publish::units;
use crate::queue::Handle;
use crate::reader::Readers;

/// How often a waiter looks for what other handles append.
const POLL: Duration = Duration::from_millis(20);
/// About how many bytes a read gives at once.
const PAGE_BYTES: usize = 8 << 20;

/// The logs and values of a SQLite store. A clone is another handle on the same.
#[derive(Clone)]
pub struct SqliteStorage {
    handle: Arc<Handle>,
    readers: Arc<Readers>,
    clock: GuardedClock,
    waiting: Arc<Semaphore>,
    grown: Arc<Notify>,
    max_payload: usize,
}

impl fmt::Debug for SqliteStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteStorage")
    }
}

impl SqliteStorage {
    pub(crate) fn new(broker: &SqliteBroker) -> Result<Self> {
        broker.check_open()?;
        Ok(Self {
            handle: Arc::clone(&broker.handle),
            readers: Arc::clone(&broker.readers),
            clock: broker.clock.clone(),
            waiting: Arc::clone(&broker.waiting),
            grown: Arc::clone(&broker.grown),
            max_payload: broker.config.max_payload,
        })
    }

    fn check_open(&self) -> Result<()> {
        if self.handle.queue().is_closing() {
            return Err(closed());
        }
        Ok(())
    }

    /// Room with the writer for `bytes`.
    async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit> {
        self.check_open()?;
        let waiting = Arc::clone(&self.waiting);
        let room = waiting.acquire_many_owned(units(bytes)).await;
        room.map_err(|_| closed())
    }

    async fn reading<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    {
        self.check_open()?;
        self.readers.read(read).await
    }

    async fn found_version(&self, log: &StorageKey) -> Result<u64> {
        let log = log.clone();
        self.reading(move |conn| {
            let version: Option<i64> = conn
                .prepare_cached("SELECT version FROM log WHERE key = ?")?
                .query_row([log.as_str()], |row| row.get(0))
                .optional()?;
            Ok(version.unwrap_or(0).unsigned_abs())
        })
        .await
    }

    /// Keys in order, by a statement that takes where to begin, whether with it, the time, and how
    /// many.
    async fn listed(
        &self,
        sql: &'static str,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        let prefix = prefix.clone();
        let after = after.filter(|key| key.as_str() >= prefix.as_str());
        let (from, with) = match after {
            Some(key) => (key.as_str().to_owned(), false),
            None => (prefix.as_str().to_owned(), true),
        };
        let (now, max) = (self.clock.now().as_micros(), bound(max));
        self.reading(move |conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let mut rows = statement.query((from, with, now, max))?;
            let mut keys = Vec::new();
            while let Some(row) = rows.next()? {
                let key: String = row.get(0)?;
                if !key.starts_with(prefix.as_str()) {
                    break;
                }
                keys.push(StorageKey::new(key)?);
            }
            Ok(keys)
        })
        .await
    }
}

impl Storage for SqliteStorage {
    async fn append(
        &self,
        log: &StorageKey,
        expected: Expected,
        records: &[Bytes],
    ) -> Result<Change> {
        check_append(log, records, self.max_payload).map_err(|e| e.operation("append"))?;
        let bytes = records.iter().map(|data| data.len() + 64).sum();
        let (key, records) = (log.clone(), records.to_vec());
        let room = self.room(bytes).await.map_err(|e| e.operation("append"))?;
        let made = self.handle.call(records.len().max(1), move |store| {
            let _held_until_answered = &room;
            Ok(store.append(&key, expected, &records)?)
        });
        let change = made.await.map_err(|e| e.operation("append"))?;
        self.grown.notify_waiters();
        Ok(change)
    }

    async fn read(&self, log: &StorageKey, after: u64, max: usize) -> Result<Vec<Record>> {
        let log = log.clone();
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let read = self.reading(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT version, at, data FROM record \
                 WHERE log = (SELECT id FROM log WHERE key = ?) AND version > ? \
                 ORDER BY version LIMIT ?",
            )?;
            let mut rows = statement.query((log.as_str(), after, bound(max)))?;
            let (mut records, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let data: Vec<u8> = row.get(2)?;
                bytes += data.len();
                records.push(Record {
                    version: row.get::<_, i64>(0)?.unsigned_abs(),
                    at: Timestamp::from_micros(row.get(1)?),
                    data: data.into(),
                });
                if bytes >= PAGE_BYTES {
                    break;
                }
            }
            Ok(records)
        });
        read.await.map_err(|e| e.operation("read"))
    }

    async fn version(&self, log: &StorageKey) -> Result<u64> {
        let version = self.found_version(log).await;
        version.map_err(|e| e.operation("version"))
    }

    async fn wait(&self, log: &StorageKey, after: u64, timeout: Duration) -> Result<u64> {
        let until = sleep(timeout);
        tokio::pin!(until);
        loop {
            // From here on a growth is seen.
            let grown = self.grown.notified();
            let version = self.found_version(log).await;
            let version = version.map_err(|e| e.operation("wait"))?;
            if version > after {
                return Ok(version);
            }
            tokio::select! {
                () = grown => {}
                () = sleep(POLL) => {}
                () = &mut until => return Ok(version),
            }
        }
    }

    async fn remove_log(&self, log: &StorageKey, expected: Expected) -> Result<Change> {
        let log = log.clone();
        let made = self
            .handle
            .call(1, move |store| Ok(store.remove_log(&log, expected)?));
        made.await.map_err(|e| e.operation("remove log"))
    }

    async fn logs(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        const SQL: &str = "SELECT key FROM log WHERE key >= ?1 AND (?2 OR key > ?1) \
                           AND ?3 IS NOT NULL ORDER BY key LIMIT ?4";
        let keys = self.listed(SQL, prefix, after, max).await;
        keys.map_err(|e| e.operation("logs"))
    }

    async fn get(&self, key: &StorageKey) -> Result<Option<Value>> {
        let (key, now) = (key.clone(), self.clock.now().as_micros());
        let found = self.reading(move |conn| {
            let found = conn
                .prepare_cached(
                    "SELECT version, data FROM value \
                     WHERE key = ? AND (expires IS NULL OR expires > ?)",
                )?
                .query_row((key.as_str(), now), |row| {
                    Ok(Value {
                        version: row.get::<_, i64>(0)?.unsigned_abs(),
                        data: row.get::<_, Vec<u8>>(1)?.into(),
                    })
                });
            Ok(found.optional()?)
        });
        found.await.map_err(|e| e.operation("get"))
    }

    async fn put(
        &self,
        key: &StorageKey,
        value: &Bytes,
        expected: Expected,
        ttl: Option<Duration>,
    ) -> Result<Change> {
        check_put(key, value, ttl, self.max_payload).map_err(|e| e.operation("put"))?;
        let (key, value) = (key.clone(), value.clone());
        let room = self.room(value.len()).await;
        let room = room.map_err(|e| e.operation("put"))?;
        let made = self.handle.call(1, move |store| {
            let _held_until_answered = &room;
            let expires = ttl.map(|ttl| store.now.after(ttl));
            let expires = expires.filter(|at| *at < Timestamp::MAX);
            let expires = expires.map(Timestamp::as_micros);
            Ok(store.put(&key, &value, expected, expires)?)
        });
        made.await.map_err(|e| e.operation("put"))
    }

    async fn remove(&self, key: &StorageKey, expected: Expected) -> Result<Change> {
        let key = key.clone();
        let made = self
            .handle
            .call(1, move |store| Ok(store.remove(&key, expected)?));
        made.await.map_err(|e| e.operation("remove"))
    }

    async fn keys(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        const SQL: &str = "SELECT key FROM value WHERE key >= ?1 AND (?2 OR key > ?1) \
                           AND (expires IS NULL OR expires > ?3) ORDER BY key LIMIT ?4";
        let keys = self.listed(SQL, prefix, after, max).await;
        keys.map_err(|e| e.operation("keys"))
    }
}

fn bound(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
