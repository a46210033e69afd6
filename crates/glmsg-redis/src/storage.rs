//! Logs and values. A log is a stream whose ids are its versions; all that belongs to one key is in
//! one shard, and so in one slot.

mod listing;
mod waiting;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{
    Change, Expected, KeyPrefix, Record, Storage, StorageKey, Value, check_append, check_put,
};
use glmsg_core::limits::MAX_MILLIS;
use glmsg_core::{Error, ErrorKind, Result, Timestamp};
use redis::{Cmd, Pipeline};

use self::listing::Kind;
use self::waiting::Waiters;
use crate::broker::Shared;
use crate::encode::{bytes, count, fine, list, millis, next, number, text};
use crate::keys::ShardKeys;
use crate::place::EntryId;

/// About how many bytes a read gives at once.
const PAGE_BYTES: usize = 4 << 20;
/// How many records are read before it is known how large they are.
const FIRST_PAGE: usize = 32;

/// The logs and values of a namespace. A clone is another handle on the same.
#[derive(Clone)]
pub struct RedisStorage {
    shared: Arc<Shared>,
    waiters: Arc<Waiters>,
}

impl fmt::Debug for RedisStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisStorage")
    }
}

impl RedisStorage {
    pub(crate) fn open(shared: &Arc<Shared>) -> Result<Self> {
        shared.check_open()?;
        Ok(Self {
            shared: Arc::clone(shared),
            waiters: Arc::default(),
        })
    }

    fn shard(&self, key: &StorageKey) -> ShardKeys {
        ShardKeys::of(&self.shared.link.config().namespace, key.as_str())
    }

    /// How long an operation is remembered, in milliseconds: it is sent again no later.
    fn life(&self) -> u64 {
        millis(self.shared.link.config().timeout.saturating_mul(2)).max(1)
    }

    /// Runs a step that changes something, which may be sent again.
    async fn change(&self, slot: u16, call: Cmd) -> Result<Change> {
        self.shared.check_open()?;
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(call);
        let replies = self.shared.link.send_durably(slot, &pipeline).await?;
        let answer = fine(next(&mut replies.values.into_iter())?)?;
        let mut words = list(answer)?.into_iter();
        let status = text(next(&mut words)?)?;
        let version = count(next(&mut words)?)?;
        match (status.as_str(), replies.reached) {
            ("CONFLICT", _) => Ok(Change::Conflict(version)),
            (_, true) => Ok(Change::Made(version)),
            (_, false) => Err(Error::new(
                ErrorKind::Indeterminate,
                "it is stored, but not yet as safely as the durability level asks",
            )),
        }
    }

    fn log_keys(shard: &ShardKeys, log: &StorageKey) -> [String; 4] {
        let [known, names] = shard.logs();
        let operation = shard.operation(fastrand::u128(..));
        [shard.log(log.as_str()), known, names, operation]
    }

    fn value_keys(shard: &ShardKeys) -> Vec<String> {
        let mut keys: Vec<_> = shard.values().into();
        keys.push(shard.operation(fastrand::u128(..)));
        keys
    }

    async fn found_version(&self, log: &StorageKey) -> Result<u64> {
        let shard = self.shard(log);
        let mut find = redis::cmd("HGET");
        find.arg(&shard.logs()[0]).arg(log.as_str());
        match self.shared.run(shard.slot, find).await? {
            redis::Value::Nil => Ok(0),
            known => {
                let known = text(known)?;
                let version = known.split(' ').next().unwrap_or_default();
                version.parse().map_err(|_| spoilt(log, &known))
            }
        }
    }

    async fn found_records(
        &self,
        log: &StorageKey,
        mut after: u64,
        max: usize,
    ) -> Result<Vec<Record>> {
        let shard = self.shard(log);
        let (mut records, mut size) = (Vec::new(), 0);
        let mut page = FIRST_PAGE;
        while records.len() < max && after < u64::MAX {
            let page_now = page.min(max - records.len());
            let mut range = redis::cmd("XRANGE");
            range.arg(shard.log(log.as_str()));
            range.arg(format!("{}-0", after + 1)).arg("+");
            range.arg("COUNT").arg(page_now);
            let found = list(self.shared.run(shard.slot, range).await?)?;
            let is_end = found.len() < page_now;
            for entry in found {
                let record = record(entry, log)?;
                after = record.version;
                size += record.data.len();
                records.push(record);
            }
            if is_end || size >= PAGE_BYTES {
                break;
            }
            // As many as are likely to fit.
            let each = size / records.len().max(1) + 64;
            page = ((PAGE_BYTES - size) / each).clamp(1, 10_000);
        }
        Ok(records)
    }
}

fn record(entry: redis::Value, log: &StorageKey) -> Result<Record> {
    let mut parts = list(entry)?.into_iter();
    let id = text(next(&mut parts)?)?;
    let version = EntryId::parse(&id).ok_or_else(|| spoilt(log, &id))?.millis;
    let mut fields = list(next(&mut parts)?)?.into_iter();
    let _name = next(&mut fields)?;
    let at = Timestamp::from_micros(number(next(&mut fields)?)?);
    let _name = next(&mut fields)?;
    let data = bytes(next(&mut fields)?)?;
    Ok(Record { version, at, data })
}

/// Something else has written there.
fn spoilt(key: &StorageKey, found: &str) -> Error {
    let found: String = found.chars().take(48).collect();
    let text = "what is stored there is not as glmsg stores it";
    Error::new(ErrorKind::Unexpected, text)
        .with("key", key)
        .with("found", format!("{found:?}"))
}

fn expected_word(expected: Expected) -> String {
    match expected {
        Expected::Any => String::new(),
        Expected::Version(version) => version.to_string(),
    }
}

impl Storage for RedisStorage {
    async fn append(
        &self,
        log: &StorageKey,
        expected: Expected,
        records: &[Bytes],
    ) -> Result<Change> {
        let limit = self.shared.link.config().max_payload;
        check_append(log, records, limit).map_err(|e| e.operation("append"))?;
        let shard = self.shard(log);
        let keys = Self::log_keys(&shard, log);
        let mut call = self.shared.scripts.append.call(&keys);
        call.arg(log.as_str()).arg(expected_word(expected));
        call.arg(self.life());
        for data in records {
            call.arg(&data[..]);
        }
        let made = self.change(shard.slot, call).await;
        made.map_err(|e| e.operation("append").with("log", log))
    }

    async fn read(&self, log: &StorageKey, after: u64, max: usize) -> Result<Vec<Record>> {
        self.shared.check_open()?;
        let found = self.found_records(log, after, max).await;
        found.map_err(|e| e.operation("read").with("log", log))
    }

    async fn version(&self, log: &StorageKey) -> Result<u64> {
        let found = self.found_version(log).await;
        found.map_err(|e| e.operation("version").with("log", log))
    }

    async fn wait(&self, log: &StorageKey, after: u64, timeout: Duration) -> Result<u64> {
        let grown = self.wait_for(log, after, timeout).await;
        grown.map_err(|e| e.operation("wait").with("log", log))
    }

    async fn remove_log(&self, log: &StorageKey, expected: Expected) -> Result<Change> {
        let shard = self.shard(log);
        let keys = Self::log_keys(&shard, log);
        let mut call = self.shared.scripts.remove.call(&keys);
        call.arg(log.as_str()).arg(expected_word(expected));
        call.arg(self.life());
        let made = self.change(shard.slot, call).await;
        made.map_err(|e| e.operation("remove log").with("log", log))
    }

    async fn logs(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        let found = self.listed(Kind::Logs, prefix, after, max).await;
        found.map_err(|e| e.operation("logs"))
    }

    async fn get(&self, key: &StorageKey) -> Result<Option<Value>> {
        let shard = self.shard(key);
        let mut call = self.shared.scripts.get.call(&shard.values());
        call.arg(key.as_str());
        let read = async {
            let mut words = list(self.shared.run(shard.slot, call).await?)?.into_iter();
            let Some(version) = words.next() else {
                return Ok(None);
            };
            Ok(Some(Value {
                version: count(version)?,
                data: bytes(next(&mut words)?)?,
            }))
        };
        read.await
            .map_err(|e: Error| e.operation("get").with("key", key))
    }

    async fn put(
        &self,
        key: &StorageKey,
        value: &Bytes,
        expected: Expected,
        ttl: Option<Duration>,
    ) -> Result<Change> {
        let limit = self.shared.link.config().max_payload;
        check_put(key, value, ttl, limit).map_err(|e| e.operation("put"))?;
        let shard = self.shard(key);
        let mut call = self.shared.scripts.put.call(&Self::value_keys(&shard));
        call.arg(key.as_str()).arg(expected_word(expected));
        call.arg(self.life());
        match ttl.map(millis).filter(|ttl| *ttl < MAX_MILLIS) {
            Some(ttl) => call.arg(ttl),
            None => call.arg(""),
        };
        call.arg(&value[..]);
        let made = self.change(shard.slot, call).await;
        made.map_err(|e| e.operation("put").with("key", key))
    }

    async fn remove(&self, key: &StorageKey, expected: Expected) -> Result<Change> {
        let shard = self.shard(key);
        let mut call = self.shared.scripts.take.call(&Self::value_keys(&shard));
        call.arg(key.as_str()).arg(expected_word(expected));
        call.arg(self.life());
        let made = self.change(shard.slot, call).await;
        made.map_err(|e| e.operation("remove").with("key", key))
    }

    async fn keys(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        let found = self.listed(Kind::Values, prefix, after, max).await;
        found.map_err(|e| e.operation("keys"))
    }
}
