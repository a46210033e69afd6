//! Logs and values, in one compacted topic of the namespace. A change is one record; all who read
//! its partition decide in the same way whether it was made. See decision 0009.

mod archive;
mod change;
mod clock;
mod command;
mod key;
mod loading;
mod shelf;
mod store;
mod sweep;
mod topic;
mod view;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{
    Change, Expected, KeyPrefix, Record, Storage, StorageKey, Value, check_append, check_put,
};
use glmsg_core::{Error, ErrorKind, Result};
use tokio::time::Instant;

use self::command::Chunk;
use self::key::Kind;
pub(crate) use self::store::Store;
use self::store::{Inner, unread};
use self::view::Piece;
use crate::broker::{Shared, closed};
use crate::connection::{apart, blocking};

/// About how many bytes a read gives at once.
const PAGE_BYTES: usize = 4 << 20;
/// How often a read begins anew because the log is removed meanwhile.
const READS: usize = 10;

/// The logs and values of a namespace. A clone is another handle on the same.
#[derive(Clone)]
pub struct KafkaStorage {
    shared: Arc<Shared>,
    store: Arc<Inner>,
}

impl fmt::Debug for KafkaStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KafkaStorage")
    }
}

impl KafkaStorage {
    pub(crate) async fn open(shared: &Arc<Shared>) -> Result<Self> {
        shared.check_open()?;
        let cluster = &shared.cluster;
        let cluster = Arc::clone(cluster);
        let opening = apart(async move {
            let opening = cluster.store.get_or_try_init(|| Store::open(&cluster));
            Ok(Arc::clone(&opening.await?.inner))
        });
        Ok(Self {
            store: opening.await?,
            shared: Arc::clone(shared),
        })
    }

    fn max_payload(&self) -> usize {
        self.shared.link.config().max_payload
    }

    /// Keys of all partitions, in one order.
    async fn listed(
        &self,
        kind: Kind,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        self.shared.check_open()?;
        let mut found = Vec::new();
        for shelf in &self.store.shelves {
            let some = self.store.look(shelf, |view| {
                let keys = view.keys(kind, prefix, after, self.store.now());
                keys.take(max).cloned().collect::<Vec<_>>()
            });
            found.extend(some.await?);
        }
        found.sort_unstable();
        found.truncate(max);
        Ok(found)
    }

    async fn found_version(&self, log: &StorageKey) -> Result<u64> {
        self.shared.check_open()?;
        let shelf = self.store.shelf(log);
        self.store.look(shelf, |view| view.log_version(log)).await
    }

    /// The pieces of a log that hold what comes after a version, at most so many records and about
    /// [`PAGE_BYTES`].
    async fn pieces(&self, log: &StorageKey, after: u64, max: usize) -> Result<Vec<Piece>> {
        let shelf = self.store.shelf(log);
        let looking = self.store.look(shelf, |view| {
            let all = view.pieces(log);
            let from = all.partition_point(|piece| piece.last() <= after);
            let until = after.saturating_add(u64::try_from(max).unwrap_or(u64::MAX));
            let mut bytes = 0;
            let wanted = all[from..].iter().take_while(|piece| {
                let is_wanted = piece.base < until && bytes < PAGE_BYTES;
                bytes += piece.chunk.size;
                is_wanted
            });
            wanted.cloned().collect::<Vec<_>>()
        });
        looking.await
    }

    /// Reads the bytes of pieces that are not held; `false` if some are gone.
    async fn fill(&self, log: &StorageKey, pieces: &mut [Piece]) -> Result<bool> {
        let missing = pieces.iter().filter(|piece| piece.chunk.body.is_none());
        let missing: Vec<i64> = missing.map(|piece| piece.offset).collect();
        if missing.is_empty() {
            return Ok(true);
        }
        let (store, partition) = (Arc::clone(&self.store), self.store.shelf(log).partition);
        let reading = move || {
            let Inner {
                archive,
                link,
                topic,
                ..
            } = &*store;
            archive.read(link, topic, partition, &missing)
        };
        let mut found = blocking(reading).await?;
        for piece in pieces.iter_mut() {
            if let Some(body) = found.remove(&piece.offset) {
                piece.chunk.body = Some(body);
            }
        }
        Ok(pieces.iter().all(|piece| piece.chunk.body.is_some()))
    }
}

fn records_of(piece: &Piece) -> Result<impl Iterator<Item = Record>> {
    let body = piece.chunk.body.as_ref().ok_or_else(unread)?;
    let records = Chunk::records(body, piece.chunk.count).ok_or_else(unread)?;
    let (at, first) = (piece.at, piece.base.saturating_add(1));
    Ok(records
        .into_iter()
        .zip(first..)
        .map(move |(data, version)| Record { version, at, data }))
}

impl Storage for KafkaStorage {
    async fn append(
        &self,
        log: &StorageKey,
        expected: Expected,
        records: &[Bytes],
    ) -> Result<Change> {
        check_append(log, records, self.max_payload())?;
        self.shared.check_open()?;
        let done = self.store.append(log, expected, records).await;
        done.map_err(|e| e.operation("append").with("log", log))
    }

    async fn read(&self, log: &StorageKey, after: u64, max: usize) -> Result<Vec<Record>> {
        self.shared.check_open()?;
        for _ in 0..READS {
            let mut pieces = self.pieces(log, after, max).await?;
            if !self.fill(log, &mut pieces).await? {
                continue;
            }
            let mut found = Vec::new();
            for piece in &pieces {
                found.extend(records_of(piece)?.filter(|record| record.version > after));
            }
            found.truncate(max);
            return Ok(found);
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "records of the log are not where they were: it is removed and made anew all the time",
        )
        .operation("read")
        .with("log", log))
    }

    async fn version(&self, log: &StorageKey) -> Result<u64> {
        self.found_version(log).await
    }

    async fn wait(&self, log: &StorageKey, after: u64, timeout: Duration) -> Result<u64> {
        let deadline = Instant::now().checked_add(timeout);
        let shelf = self.store.shelf(log);
        let mut version = self.found_version(log).await?;
        let mut closing = self.shared.closed.subscribe();
        let mut reached = shelf.reached.subscribe();
        loop {
            // From here on what comes is seen.
            reached.mark_unchanged();
            version = shelf.with(|view| view.log_version(log)).unwrap_or(version);
            if version > after {
                return Ok(version);
            }
            let time_is_over = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = reached.changed() => if changed.is_err() {
                    return Err(closed());
                },
                () = time_is_over => return Ok(version),
                _ = closing.wait_for(|closed| *closed) => return Err(closed()),
            }
        }
    }

    async fn remove_log(&self, log: &StorageKey, expected: Expected) -> Result<Change> {
        self.shared.check_open()?;
        let done = self.store.remove_log(log, expected).await;
        done.map_err(|e| e.operation("remove log").with("log", log))
    }

    async fn logs(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        self.listed(Kind::Log, prefix, after, max).await
    }

    async fn get(&self, key: &StorageKey) -> Result<Option<Value>> {
        self.shared.check_open()?;
        let shelf = self.store.shelf(key);
        let looking = self.store.look(shelf, |view| {
            let (entry, held) = view.value(key, self.store.now())?;
            Some(Value {
                version: entry.place.version,
                data: held.data.clone(),
            })
        });
        looking.await
    }

    async fn put(
        &self,
        key: &StorageKey,
        value: &Bytes,
        expected: Expected,
        ttl: Option<Duration>,
    ) -> Result<Change> {
        check_put(key, value, ttl, self.max_payload())?;
        self.shared.check_open()?;
        let done = self.store.put(key, value, expected, ttl).await;
        done.map_err(|e| e.operation("put").with("key", key))
    }

    async fn remove(&self, key: &StorageKey, expected: Expected) -> Result<Change> {
        self.shared.check_open()?;
        let done = self.store.remove(key, expected).await;
        done.map_err(|e| e.operation("remove").with("key", key))
    }

    async fn keys(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        self.listed(Kind::Value, prefix, after, max).await
    }
}
