//! A view that follows a stream.

use std::fmt;
use std::time::Duration;

use glmsg_broker::{CancellationToken, Change, Expected, Storage, StorageKey};
use glmsg_core::{GroupName, Result, TopicName};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::snapshot::stored;
use super::store::{BATCH, log};
use super::{Event, EventStore, Snapshot};

/// How long the storage is asked to wait at once.
const WAIT: Duration = Duration::from_secs(30);

/// A state that takes in every event of a stream, in order, exactly once: the state and how far it
/// has come are saved together, as one value. Several processes may follow by the same name; each
/// goes on with what was saved last.
pub struct Projection<S, F> {
    store: EventStore,
    stream: TopicName,
    key: StorageKey,
    initial: S,
    fold: F,
    current: Snapshot<S>,
    /// The version of the saved value.
    value: u64,
}

impl<S: fmt::Debug, F> fmt::Debug for Projection<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projection")
            .field("stream", &self.stream)
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

impl EventStore {
    /// The state of this name that `fold` makes of the stream's events, `initial` before the first.
    /// It begins with what was saved last; [`catch_up`](Projection::catch_up) brings it to the end.
    ///
    /// The state is kept as JSON, in one value: it must fit into the broker's payload limit.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is none; `Codec` if what was saved is not an `S`; those of
    /// the storage.
    pub async fn project<S, F>(
        &self,
        stream: impl AsRef<str>,
        name: impl AsRef<str>,
        initial: S,
        fold: F,
    ) -> Result<Projection<S, F>>
    where
        S: Serialize + DeserializeOwned + Clone,
        F: FnMut(&mut S, &Event) -> Result<()>,
    {
        let (stream, name) = (TopicName::new(stream)?, GroupName::new(name)?);
        let key = StorageKey::new(format!("event/projection/{stream}/{name}"))?;
        let mut projection = Projection {
            store: self.clone(),
            stream,
            key,
            current: Snapshot {
                version: 0,
                state: initial.clone(),
            },
            initial,
            fold,
            value: 0,
        };
        projection.load().await?;
        Ok(projection)
    }
}

impl<S, F> Projection<S, F>
where
    S: Serialize + DeserializeOwned + Clone,
    F: FnMut(&mut S, &Event) -> Result<()>,
{
    /// The state as far as it has come.
    pub fn state(&self) -> &S {
        &self.current.state
    }

    /// The version of the last event that the state takes in.
    pub fn version(&self) -> u64 {
        self.current.version
    }

    async fn load(&mut self) -> Result<()> {
        let saved = stored(&self.store, &self.key).await?;
        (self.current, self.value) = saved.unwrap_or_else(|| {
            let state = self.initial.clone();
            (Snapshot { version: 0, state }, 0)
        });
        Ok(())
    }

    /// Takes in all events up to the stream's end, saves, and returns the state.
    ///
    /// Cancel safe: what is not saved is taken in again, from the saved state.
    ///
    /// # Errors
    /// What the fold returns: the state is the saved one again. `Codec` for a damaged event; those
    /// of the storage.
    pub async fn catch_up(&mut self) -> Result<&S> {
        while self.advance().await? {}
        Ok(&self.current.state)
    }

    /// Takes in some events and saves; `false` at the end.
    async fn advance(&mut self) -> Result<bool> {
        let links = self
            .store
            .links(&self.stream, self.current.version, BATCH)
            .await?;
        let Some(last) = links.last() else {
            return Ok(false);
        };
        // Aside, so that nothing is half done where the fold fails or the call is dropped.
        let mut next = Snapshot {
            version: last.event.version(),
            state: self.current.state.clone(),
        };
        for link in &links {
            (self.fold)(&mut next.state, &link.event)?;
        }
        let text = next.encode()?;
        let expected = Expected::Version(self.value);
        let saved = self.store.storage.put(&self.key, &text, expected, None);
        match saved.await? {
            Change::Made(version) => {
                (self.current, self.value) = (next, version);
            }
            Change::Conflict(_) => self.load().await?,
        }
        Ok(true)
    }

    /// Takes in events as they come until `stop` is cancelled or something fails. What it takes in
    /// just then is saved first, so that [`state`](Self::state) is what others find: it ends at the latest
    /// when the storage gives up.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up).
    pub async fn run(&mut self, stop: CancellationToken) -> Result<()> {
        let log = log(&self.stream)?;
        while !stop.is_cancelled() {
            if self.advance().await? {
                continue;
            }
            let after = self.current.version;
            tokio::select! {
                grown = self.store.storage.wait(&log, after, WAIT) => drop(grown?),
                () = stop.cancelled() => break,
            }
        }
        Ok(())
    }
}
