//! Following a stream, from where one has come to.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{CancellationToken, Change, Expected, Storage, StorageKey};
use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName};

use super::store::log;
use super::{Event, EventStore, Replay, ReplayFrom};

/// How long the storage is asked to wait at once.
const WAIT: Duration = Duration::from_secs(30);

/// Follows a stream by a name, under which it keeps how far it has come: whoever subscribes by that
/// name later, also after a crash, goes on behind the last [`checkpoint`](Self::checkpoint). So an
/// event is handled at least once.
///
/// One at a time uses a name: of two, the one that saves its checkpoint later gets a `Conflict`.
pub struct EventSubscription {
    replay: Replay,
    name: GroupName,
    key: StorageKey,
    saved: u64,
    /// The version of the checkpoint's value.
    value: u64,
}

impl fmt::Debug for EventSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSubscription")
            .field("stream", self.replay.stream())
            .field("name", &self.name)
            .field("saved", &self.saved)
            .finish_non_exhaustive()
    }
}

impl EventSubscription {
    /// The version of the last event that is known to be handled.
    pub fn saved(&self) -> u64 {
        self.saved
    }

    /// The next event; waits until there is one.
    ///
    /// Cancel safe: no event is skipped.
    ///
    /// # Errors
    /// `Codec` for an event that is damaged, those of the storage; the next call tries again.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.replay.next().await? {
                return Ok(event);
            }
            let log = log(self.replay.stream())?;
            let storage = &self.replay.store().storage;
            storage.wait(&log, self.replay.position(), WAIT).await?;
        }
    }

    /// Saves that all events given out so far are handled.
    ///
    /// Dropped, it may have saved that or not; call it again before you go on.
    ///
    /// # Errors
    /// `Conflict` if somebody else follows the stream by this name and has saved, too; those of the
    /// storage.
    pub async fn checkpoint(&mut self) -> Result<()> {
        let position = self.replay.position();
        if position == self.saved {
            return Ok(());
        }
        let storage = &self.replay.store().storage;
        match put(storage, &self.key, position, self.value).await? {
            Change::Made(version) => self.value = version,
            Change::Conflict(version) => {
                // Our own, if the answer to an earlier call was lost.
                if position_of(storage, &self.key).await? != Some((position, version)) {
                    return Err(self.is_taken());
                }
                self.value = version;
            }
        }
        self.saved = position;
        Ok(())
    }

    /// Gives every event to `handler`, one after the other, and saves a checkpoint after each,
    /// until `stop` is cancelled or something fails.
    ///
    /// # Errors
    /// What `handler` returns: the event is given out again by the next subscription. As
    /// [`next`](Self::next) and [`checkpoint`](Self::checkpoint).
    pub async fn run<F, Fut>(mut self, stop: CancellationToken, mut handler: F) -> Result<()>
    where
        F: FnMut(Event) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        loop {
            let event = tokio::select! {
                event = self.next() => event?,
                () = stop.cancelled() => return Ok(()),
            };
            handler(event).await?;
            self.checkpoint().await?;
        }
    }

    #[cold]
    fn is_taken(&self) -> Error {
        Error::new(
            ErrorKind::Conflict,
            "somebody else follows the stream by this name",
        )
        .operation("checkpoint")
        .with("stream", self.replay.stream())
        .with("subscription", &self.name)
        .remedy("give each subscription a name of its own")
    }
}

impl EventStore {
    /// Follows a stream by a name (as groups are named) from where it has come to; by a new name
    /// from `from`.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is none; those of the storage.
    pub async fn subscribe(
        &self,
        stream: impl AsRef<str>,
        name: impl AsRef<str>,
        from: ReplayFrom,
    ) -> Result<EventSubscription> {
        let (stream, name) = (TopicName::new(stream)?, GroupName::new(name)?);
        let key = StorageKey::new(format!("event/subscription/{stream}/{name}"))?;
        let (saved, value) = loop {
            if let Some(found) = position_of(&self.storage, &key).await? {
                break found;
            }
            // Where it begins is kept at once: "now" is not later when it subscribes again.
            let begin = self.before(&stream, from).await?;
            if let Change::Made(version) = put(&self.storage, &key, begin, 0).await? {
                break (begin, version);
            }
        };
        Ok(EventSubscription {
            replay: Replay::after(self, stream, saved),
            name,
            key,
            saved,
            value,
        })
    }
}

async fn put(storage: &impl Storage, key: &StorageKey, to: u64, found: u64) -> Result<Change> {
    let text = Bytes::from(to.to_string());
    storage
        .put(key, &text, Expected::Version(found), None)
        .await
}

/// The position that is saved, and the version of its value.
async fn position_of(storage: &impl Storage, key: &StorageKey) -> Result<Option<(u64, u64)>> {
    let Some(value) = storage.get(key).await? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&value.data).ok();
    let position = text.and_then(|text| text.parse().ok());
    let position =
        position.ok_or_else(|| Error::new(ErrorKind::Codec, "not a position").with("key", key))?;
    Ok(Some((position, value.version)))
}
