//! Logs and values in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{
    Change, Expected, KeyPrefix, Record, Storage, StorageKey, Value, check_append, check_put,
};
use glmsg_core::{Result, Timestamp};
use tokio::sync::Notify;

use crate::shared::Shared;

/// The logs and values of a memory broker. A clone is another handle on the same.
#[derive(Clone)]
pub struct MemoryStorage {
    shared: Arc<Shared>,
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStorage")
    }
}

/// What the broker keeps for its storages.
#[derive(Debug, Default)]
pub(crate) struct Shelves {
    state: Mutex<State>,
    /// Wakes whoever waits for a log to grow.
    grown: Notify,
}

#[derive(Debug, Default)]
struct State {
    logs: BTreeMap<StorageKey, Vec<Record>>,
    values: BTreeMap<StorageKey, Kept>,
    /// The values that will expire, by when.
    expiring: BTreeSet<(Timestamp, StorageKey)>,
    /// The greatest version of a value that is gone: one made anew begins above it.
    floor: u64,
}

#[derive(Debug)]
struct Kept {
    value: Value,
    until: Timestamp,
}

impl Shelves {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The broker is closed: who waits looks again.
    pub(crate) fn close(&self) {
        self.grown.notify_waiters();
    }
}

impl MemoryStorage {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn open(&self) -> Result<MutexGuard<'_, State>> {
        self.shared.check_open()?;
        Ok(self.shared.shelves.lock())
    }
}

impl State {
    fn log_version(&self, log: &StorageKey) -> u64 {
        self.logs.get(log).map_or(0, |records| records.len() as u64)
    }

    /// The value, unless it has expired by `now`.
    fn value(&self, key: &StorageKey, now: Timestamp) -> Option<&Value> {
        let kept = self.values.get(key)?;
        (now < kept.until).then_some(&kept.value)
    }

    fn set(&mut self, key: &StorageKey, value: Value, until: Timestamp) {
        if let Some(kept) = self.values.get(key) {
            self.expiring.remove(&(kept.until, key.clone()));
        }
        if until < Timestamp::MAX {
            self.expiring.insert((until, key.clone()));
        }
        self.values.insert(key.clone(), Kept { value, until });
    }

    fn unset(&mut self, key: &StorageKey) {
        if let Some(kept) = self.values.remove(key) {
            self.expiring.remove(&(kept.until, key.clone()));
            self.floor = self.floor.max(kept.value.version);
        }
    }

    /// What has expired is dropped as others are put, so that it does not pile up.
    fn drop_expired(&mut self, now: Timestamp) {
        while let Some((until, key)) = self.expiring.pop_first() {
            if now < until {
                self.expiring.insert((until, key));
                return;
            }
            if let Some(kept) = self.values.remove(&key) {
                self.floor = self.floor.max(kept.value.version);
            }
        }
    }
}

impl Storage for MemoryStorage {
    async fn append(
        &self,
        log: &StorageKey,
        expected: Expected,
        records: &[Bytes],
    ) -> Result<Change> {
        check_append(log, records, self.shared.config.max_payload)?;
        let mut state = self.open()?;
        let actual = state.log_version(log);
        if !expected.is_met_by(actual) {
            return Ok(Change::Conflict(actual));
        }
        if records.is_empty() {
            return Ok(Change::Made(actual));
        }
        let held = state.logs.entry(log.clone()).or_default();
        let last = held.last().map_or(Timestamp::EPOCH, |record| record.at);
        let at = self.shared.now().max(last);
        held.extend(
            records
                .iter()
                .zip(actual + 1..)
                .map(|(data, version)| Record {
                    version,
                    at,
                    data: data.clone(),
                }),
        );
        drop(state);
        self.shared.shelves.grown.notify_waiters();
        Ok(Change::Made(actual + records.len() as u64))
    }

    async fn read(&self, log: &StorageKey, after: u64, max: usize) -> Result<Vec<Record>> {
        let state = self.open()?;
        let Some(records) = state.logs.get(log) else {
            return Ok(Vec::new());
        };
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(records.iter().skip(skip).take(max).cloned().collect())
    }

    async fn version(&self, log: &StorageKey) -> Result<u64> {
        Ok(self.open()?.log_version(log))
    }

    async fn wait(&self, log: &StorageKey, after: u64, timeout: Duration) -> Result<u64> {
        let until = tokio::time::sleep(timeout);
        tokio::pin!(until);
        loop {
            // From here on a growth is seen.
            let grown = self.shared.shelves.grown.notified();
            let version = self.open()?.log_version(log);
            if version > after {
                return Ok(version);
            }
            tokio::select! {
                () = grown => {}
                () = &mut until => return Ok(version),
            }
        }
    }

    async fn remove_log(&self, log: &StorageKey, expected: Expected) -> Result<Change> {
        let mut state = self.open()?;
        let actual = state.log_version(log);
        if !expected.is_met_by(actual) {
            return Ok(Change::Conflict(actual));
        }
        state.logs.remove(log);
        Ok(Change::Made(0))
    }

    async fn logs(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        let state = self.open()?;
        Ok(listed(&state.logs, prefix, after)
            .take(max)
            .map(|(key, _)| key.clone())
            .collect())
    }

    async fn get(&self, key: &StorageKey) -> Result<Option<Value>> {
        Ok(self.open()?.value(key, self.shared.now()).cloned())
    }

    async fn put(
        &self,
        key: &StorageKey,
        value: &Bytes,
        expected: Expected,
        ttl: Option<Duration>,
    ) -> Result<Change> {
        check_put(key, value, ttl, self.shared.config.max_payload)?;
        let mut state = self.open()?;
        let now = self.shared.now();
        let actual = state.value(key, now).map_or(0, |value| value.version);
        if !expected.is_met_by(actual) {
            return Ok(Change::Conflict(actual));
        }
        state.drop_expired(now);
        let version = if actual == 0 { state.floor } else { actual } + 1;
        let value = Value {
            version,
            data: value.clone(),
        };
        state.set(key, value, ttl.map_or(Timestamp::MAX, |ttl| now.after(ttl)));
        Ok(Change::Made(version))
    }

    async fn remove(&self, key: &StorageKey, expected: Expected) -> Result<Change> {
        let mut state = self.open()?;
        let actual = state
            .value(key, self.shared.now())
            .map_or(0, |value| value.version);
        if !expected.is_met_by(actual) {
            return Ok(Change::Conflict(actual));
        }
        state.unset(key);
        Ok(Change::Made(0))
    }

    async fn keys(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        let state = self.open()?;
        let now = self.shared.now();
        let there = listed(&state.values, prefix, after).filter(|(_, kept)| now < kept.until);
        Ok(there.take(max).map(|(key, _)| key.clone()).collect())
    }
}

/// What is under keys that begin with `prefix`, after `after`.
fn listed<'a, T>(
    held: &'a BTreeMap<StorageKey, T>,
    prefix: &'a KeyPrefix,
    after: Option<&StorageKey>,
) -> impl Iterator<Item = (&'a StorageKey, &'a T)> {
    let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
    held.range((from, Bound::Unbounded))
        .skip_while(|(key, _)| key.as_str() < prefix.as_str())
        .take_while(|(key, _)| key.as_str().starts_with(prefix.as_str()))
}
