//! Keys in order: each shard has its own in order, and they are merged.

use std::sync::Arc;

use glmsg_broker::{KeyPrefix, StorageKey};
use glmsg_core::{Error, ErrorKind, Result};
use tokio::task::JoinSet;

use super::RedisStorage;
use crate::broker::Shared;
use crate::encode::{list, next, text};
use crate::keys::{SHARDS, ShardKeys};

/// How many keys a step looks at.
const LOOKED_AT: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Logs,
    Values,
}

impl RedisStorage {
    pub(super) async fn listed(
        &self,
        kind: Kind,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        self.shared.check_open()?;
        if max == 0 {
            return Ok(Vec::new());
        }
        let after = after.filter(|key| key.as_str() >= prefix.as_str());
        let from = match after {
            Some(key) => format!("({key}"),
            None => format!("[{}", prefix.as_str()),
        };
        let mut shards = JoinSet::new();
        for shard in 0..SHARDS {
            let listing = Listing {
                shared: Arc::clone(&self.shared),
                kind,
                keys: ShardKeys::new(&self.shared.link.config().namespace, shard),
                prefix: prefix.as_str().to_owned(),
                max,
            };
            shards.spawn(listing.all(from.clone()));
        }
        let mut found = Vec::new();
        while let Some(some) = shards.join_next().await {
            let some = some.map_err(|e| {
                Error::new(ErrorKind::Unexpected, "a listing did not finish").source(e)
            })?;
            found.extend(some?);
        }
        found.sort_unstable();
        found.truncate(max);
        found.into_iter().map(StorageKey::new).collect()
    }
}

/// The keys of one shard.
struct Listing {
    shared: Arc<Shared>,
    kind: Kind,
    keys: ShardKeys,
    prefix: String,
    max: usize,
}

impl Listing {
    async fn all(self, mut from: String) -> Result<Vec<String>> {
        let mut found = Vec::new();
        loop {
            let (some, last) = match self.kind {
                Kind::Logs => self.logs(&from, self.max - found.len()).await?,
                Kind::Values => self.values(&from, self.max - found.len()).await?,
            };
            found.extend(some);
            match last {
                Some(last) if found.len() < self.max => from = format!("({last}"),
                _ => return Ok(found),
            }
        }
    }

    /// Some of them, and the last one looked at if there may be more.
    async fn logs(&self, from: &str, max: usize) -> Result<(Vec<String>, Option<String>)> {
        let look = max.min(LOOKED_AT);
        let mut range = redis::cmd("ZRANGEBYLEX");
        range.arg(&self.keys.logs()[1]).arg(from).arg("+");
        range.arg("LIMIT").arg(0).arg(look);
        let page = list(self.shared.run(self.keys.slot, range).await?)?.into_iter();
        let mut page = page.map(text).collect::<Result<Vec<_>>>()?;
        let last = page.last().filter(|_| page.len() == look).cloned();
        page.retain(|key| key.starts_with(&self.prefix));
        // Those that begin so stand together.
        let last = last.filter(|last| last.starts_with(&self.prefix));
        Ok((page, last))
    }

    async fn values(&self, from: &str, max: usize) -> Result<(Vec<String>, Option<String>)> {
        let mut call = self.shared.scripts.keys.call(&self.keys.values());
        call.arg(from).arg(&self.prefix).arg(max).arg(LOOKED_AT);
        let mut words = list(self.shared.run(self.keys.slot, call).await?)?.into_iter();
        let found = list(next(&mut words)?)?.into_iter();
        let found = found.map(text).collect::<Result<Vec<_>>>()?;
        let last = words.next().map(text).transpose()?;
        Ok((found, last))
    }
}
