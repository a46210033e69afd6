//! A state that events led to, kept so that they need not all be read again.

use bytes::Bytes;
use glmsg_broker::{Change, Expected, Storage, StorageKey};
use glmsg_core::codec::{Codec, Json};
use glmsg_core::{Error, GroupName, Result, TopicName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Event, EventStore, Replay};

/// A state, and the version of the last event in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Snapshot<S> {
    /// The version of the last event that the state takes in; 0 for none.
    pub version: u64,
    /// The state.
    pub state: S,
}

impl<S: Serialize> Snapshot<S> {
    pub(super) fn encode(&self) -> Result<Bytes> {
        Json.encode(self)
    }
}

/// A snapshot as it was stored, and the version of its value.
pub(super) async fn stored<S: DeserializeOwned>(
    store: &EventStore,
    key: &StorageKey,
) -> Result<Option<(Snapshot<S>, u64)>> {
    let Some(value) = store.storage.get(key).await? else {
        return Ok(None);
    };
    let decoded: Result<Snapshot<S>> = Json.decode(&value.data);
    let snapshot = decoded.map_err(|error| of_other_shape(error, key))?;
    Ok(Some((snapshot, value.version)))
}

fn of_other_shape(error: Error, key: &StorageKey) -> Error {
    error.with("key", key).remedy(
        "the state was saved in another shape: give the new one another name, and it is made anew",
    )
}

fn key(stream: &TopicName, name: &GroupName) -> Result<StorageKey> {
    StorageKey::new(format!("event/snapshot/{stream}/{name}"))
}

impl EventStore {
    /// Keeps `state` as what the events up to `version` led to, as JSON; `false` if a later one is
    /// there already. A stream has one snapshot of each name.
    ///
    /// # Errors
    /// `Codec` if the state cannot be JSON, `TooLarge` above the payload limit of the broker, those
    /// of the storage.
    pub async fn save_snapshot<S: Serialize>(
        &self,
        stream: impl AsRef<str>,
        name: impl AsRef<str>,
        version: u64,
        state: &S,
    ) -> Result<bool> {
        let key = key(&TopicName::new(stream)?, &GroupName::new(name)?)?;
        let text = Snapshot { version, state }.encode()?;
        loop {
            let found = stored::<serde::de::IgnoredAny>(self, &key).await?;
            let is_later = |(found, _): &(Snapshot<_>, u64)| found.version > version;
            if found.as_ref().is_some_and(is_later) {
                return Ok(false);
            }
            let expected = Expected::Version(found.map_or(0, |(_, value)| value));
            if let Change::Made(_) = self.storage.put(&key, &text, expected, None).await? {
                return Ok(true);
            }
        }
    }

    /// The snapshot of this name, if there is one.
    ///
    /// # Errors
    /// `Codec` if the state is not an `S`, those of the storage.
    pub async fn snapshot<S: DeserializeOwned>(
        &self,
        stream: impl AsRef<str>,
        name: impl AsRef<str>,
    ) -> Result<Option<Snapshot<S>>> {
        let key = key(&TopicName::new(stream)?, &GroupName::new(name)?)?;
        Ok(stored(self, &key).await?.map(|(snapshot, _)| snapshot))
    }

    /// The state that all events of a stream lead to: the snapshot of this name, or `initial`
    /// without one, and every event behind it given to `fold` in order. Nothing is saved:
    /// [`save_snapshot`](Self::save_snapshot) does that, when it is worth it.
    ///
    /// # Errors
    /// What `fold` returns; `Codec` if the snapshot is not an `S`, or for a damaged event; those of
    /// the storage.
    pub async fn rebuild<S: DeserializeOwned>(
        &self,
        stream: impl AsRef<str>,
        name: impl AsRef<str>,
        initial: S,
        mut fold: impl FnMut(&mut S, &Event) -> Result<()>,
    ) -> Result<Snapshot<S>> {
        let stream = TopicName::new(stream)?;
        let mut snapshot = self.snapshot(&stream, name).await?.unwrap_or(Snapshot {
            version: 0,
            state: initial,
        });
        let mut replay = Replay::after(self, stream, snapshot.version);
        while let Some(event) = replay.next().await? {
            fold(&mut snapshot.state, &event)?;
            snapshot.version = event.version();
        }
        Ok(snapshot)
    }
}
