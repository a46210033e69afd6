//! The storage of a backend that has none.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use glmsg_core::{Error, ErrorKind, Result};

use super::{Change, Expected, KeyPrefix, Record, Storage, StorageKey, Value};

/// What a backend without storage names as its [`Storage`](crate::Backend::Storage). There is no
/// value of it: [`Backend::storage`](crate::Backend::storage) answers [`NoStorage::unsupported`].
#[derive(Debug, Clone, Copy)]
pub struct NoStorage(Infallible);

impl NoStorage {
    /// The answer of a backend named `backend` that keeps no logs and values.
    pub fn unsupported(backend: &str) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            "this backend keeps no logs and values",
        )
        .operation("storage")
        .with("backend", backend)
        .remedy("use a backend whose capability `storage` is true, for what needs one")
    }
}

impl Storage for NoStorage {
    async fn append(&self, _: &StorageKey, _: Expected, _: &[Bytes]) -> Result<Change> {
        match self.0 {}
    }
    async fn read(&self, _: &StorageKey, _: u64, _: usize) -> Result<Vec<Record>> {
        match self.0 {}
    }
    async fn version(&self, _: &StorageKey) -> Result<u64> {
        match self.0 {}
    }
    async fn wait(&self, _: &StorageKey, _: u64, _: Duration) -> Result<u64> {
        match self.0 {}
    }
    async fn remove_log(&self, _: &StorageKey, _: Expected) -> Result<Change> {
        match self.0 {}
    }
    async fn logs(
        &self,
        _: &KeyPrefix,
        _: Option<&StorageKey>,
        _: usize,
    ) -> Result<Vec<StorageKey>> {
        match self.0 {}
    }
    async fn get(&self, _: &StorageKey) -> Result<Option<Value>> {
        match self.0 {}
    }
    async fn put(
        &self,
        _: &StorageKey,
        _: &Bytes,
        _: Expected,
        _: Option<Duration>,
    ) -> Result<Change> {
        match self.0 {}
    }
    async fn remove(&self, _: &StorageKey, _: Expected) -> Result<Change> {
        match self.0 {}
    }
    async fn keys(
        &self,
        _: &KeyPrefix,
        _: Option<&StorageKey>,
        _: usize,
    ) -> Result<Vec<StorageKey>> {
        match self.0 {}
    }
}
