//! Any backend's storage.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glmsg_core::Result;

use super::{Change, Expected, KeyPrefix, Record, Storage, StorageKey, Value};
use crate::BoxFuture;

trait DynStorage: Send + Sync {
    fn append<'a>(
        &'a self,
        log: &'a StorageKey,
        expected: Expected,
        records: &'a [Bytes],
    ) -> BoxFuture<'a, Result<Change>>;
    fn read<'a>(
        &'a self,
        log: &'a StorageKey,
        after: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>>>;
    fn version<'a>(&'a self, log: &'a StorageKey) -> BoxFuture<'a, Result<u64>>;
    fn wait<'a>(
        &'a self,
        log: &'a StorageKey,
        after: u64,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<u64>>;
    fn remove_log<'a>(
        &'a self,
        log: &'a StorageKey,
        expected: Expected,
    ) -> BoxFuture<'a, Result<Change>>;
    fn logs<'a>(
        &'a self,
        prefix: &'a KeyPrefix,
        after: Option<&'a StorageKey>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StorageKey>>>;
    fn get<'a>(&'a self, key: &'a StorageKey) -> BoxFuture<'a, Result<Option<Value>>>;
    fn put<'a>(
        &'a self,
        key: &'a StorageKey,
        value: &'a Bytes,
        expected: Expected,
        ttl: Option<Duration>,
    ) -> BoxFuture<'a, Result<Change>>;
    fn remove<'a>(
        &'a self,
        key: &'a StorageKey,
        expected: Expected,
    ) -> BoxFuture<'a, Result<Change>>;
    fn keys<'a>(
        &'a self,
        prefix: &'a KeyPrefix,
        after: Option<&'a StorageKey>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StorageKey>>>;
}

impl<S: Storage> DynStorage for S {
    fn append<'a>(
        &'a self,
        log: &'a StorageKey,
        expected: Expected,
        records: &'a [Bytes],
    ) -> BoxFuture<'a, Result<Change>> {
        Box::pin(Storage::append(self, log, expected, records))
    }
    fn read<'a>(
        &'a self,
        log: &'a StorageKey,
        after: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>>> {
        Box::pin(Storage::read(self, log, after, max))
    }
    fn version<'a>(&'a self, log: &'a StorageKey) -> BoxFuture<'a, Result<u64>> {
        Box::pin(Storage::version(self, log))
    }
    fn wait<'a>(
        &'a self,
        log: &'a StorageKey,
        after: u64,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(Storage::wait(self, log, after, timeout))
    }
    fn remove_log<'a>(
        &'a self,
        log: &'a StorageKey,
        expected: Expected,
    ) -> BoxFuture<'a, Result<Change>> {
        Box::pin(Storage::remove_log(self, log, expected))
    }
    fn logs<'a>(
        &'a self,
        prefix: &'a KeyPrefix,
        after: Option<&'a StorageKey>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StorageKey>>> {
        Box::pin(Storage::logs(self, prefix, after, max))
    }
    fn get<'a>(&'a self, key: &'a StorageKey) -> BoxFuture<'a, Result<Option<Value>>> {
        Box::pin(Storage::get(self, key))
    }
    fn put<'a>(
        &'a self,
        key: &'a StorageKey,
        value: &'a Bytes,
        expected: Expected,
        ttl: Option<Duration>,
    ) -> BoxFuture<'a, Result<Change>> {
        Box::pin(Storage::put(self, key, value, expected, ttl))
    }
    fn remove<'a>(
        &'a self,
        key: &'a StorageKey,
        expected: Expected,
    ) -> BoxFuture<'a, Result<Change>> {
        Box::pin(Storage::remove(self, key, expected))
    }
    fn keys<'a>(
        &'a self,
        prefix: &'a KeyPrefix,
        after: Option<&'a StorageKey>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StorageKey>>> {
        Box::pin(Storage::keys(self, prefix, after, max))
    }
}

/// Any backend's [`Storage`]. A clone is one reference more.
#[derive(Clone)]
pub struct BoxStorage(Arc<dyn DynStorage>);

impl BoxStorage {
    /// Erases `storage`.
    pub fn new(storage: impl Storage) -> Self {
        Self(Arc::new(storage))
    }
}

impl fmt::Debug for BoxStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxStorage")
    }
}

impl Storage for BoxStorage {
    async fn append(
        &self,
        log: &StorageKey,
        expected: Expected,
        records: &[Bytes],
    ) -> Result<Change> {
        self.0.append(log, expected, records).await
    }
    async fn read(&self, log: &StorageKey, after: u64, max: usize) -> Result<Vec<Record>> {
        self.0.read(log, after, max).await
    }
    async fn version(&self, log: &StorageKey) -> Result<u64> {
        self.0.version(log).await
    }
    async fn wait(&self, log: &StorageKey, after: u64, timeout: Duration) -> Result<u64> {
        self.0.wait(log, after, timeout).await
    }
    async fn remove_log(&self, log: &StorageKey, expected: Expected) -> Result<Change> {
        self.0.remove_log(log, expected).await
    }
    async fn logs(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        self.0.logs(prefix, after, max).await
    }
    async fn get(&self, key: &StorageKey) -> Result<Option<Value>> {
        self.0.get(key).await
    }
    async fn put(
        &self,
        key: &StorageKey,
        value: &Bytes,
        expected: Expected,
        ttl: Option<Duration>,
    ) -> Result<Change> {
        self.0.put(key, value, expected, ttl).await
    }
    async fn remove(&self, key: &StorageKey, expected: Expected) -> Result<Change> {
        self.0.remove(key, expected).await
    }
    async fn keys(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        self.0.keys(prefix, after, max).await
    }
}
