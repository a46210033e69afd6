//! The store of all streams.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use glmsg_broker::{BoxStorage, Broker, Change, Expected, KeyPrefix, Storage, StorageKey};
use glmsg_core::{Clock, Error, ErrorKind, Result, SystemClock, TopicName};

use super::chain::{Link, Tail};
use super::{Checkpoint, Event};

/// The most streams whose end is remembered.
const REMEMBERED: usize = 4096;
/// The most events that are read at once.
pub(super) const BATCH: usize = 100;
const LOGS: &str = "event/stream/";

/// Streams of events in a broker's [storage](glmsg_broker::Storage). It only ever adds to them.
///
/// A stream is named as topics are, and begins with its first event. All methods may be called
/// from many tasks and processes; a clone is another handle on the same.
///
/// # Cancel safety
/// A call that is dropped may have been carried out or not; nothing is done by half.
#[derive(Clone)]
pub struct EventStore {
    pub(super) storage: BoxStorage,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) default_stream: TopicName,
    ends: Arc<Mutex<HashMap<TopicName, End>>>,
}

/// What is remembered of a stream's end.
#[derive(Debug, Clone, Copy)]
struct End {
    tail: Tail,
    anchor: Option<Anchor>,
}

/// What is known of the value that holds a stream's checkpoint.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// The version of the stream that it tells of.
    covers: u64,
    /// The version of the value.
    value: u64,
}

impl fmt::Debug for EventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStore")
    }
}

impl EventStore {
    /// The streams of this broker.
    ///
    /// # Errors
    /// `Unsupported` if the broker has no storage.
    pub async fn open(broker: &Arc<dyn Broker>) -> Result<Self> {
        Self::on(broker.open_storage().await?)
    }

    /// The streams of this storage.
    ///
    /// # Errors
    /// None so far.
    pub fn on(storage: BoxStorage) -> Result<Self> {
        Ok(Self {
            storage,
            clock: Arc::new(SystemClock),
            default_stream: TopicName::new("agent.events")?,
            ends: Arc::default(),
        })
    }

    /// Where [`log_event`](Self::log_event) appends. Default: `agent.events`.
    #[must_use]
    pub fn default_stream(mut self, stream: TopicName) -> Self {
        self.default_stream = stream;
        self
    }

    /// The clock that says when events were recorded. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The version of the stream's last event, 0 if there is no such stream.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn version(&self, stream: impl AsRef<str>) -> Result<u64> {
        let stream = TopicName::new(stream)?;
        self.storage.version(&log(&stream)?).await
    }

    /// At most `max` events after version `after`, in order; fewer are the end for now. Each is
    /// checked against its own hash.
    ///
    /// # Errors
    /// `Codec` for an event that is damaged: [`verify`](Self::verify) tells more. Those of the
    /// storage.
    pub async fn read(
        &self,
        stream: impl AsRef<str>,
        after: u64,
        max: usize,
    ) -> Result<Vec<Event>> {
        let stream = TopicName::new(stream)?;
        let mut events = Vec::new();
        let mut after = after;
        while events.len() < max {
            let wanted = (max - events.len()).min(BATCH);
            let links = self.links(&stream, after, wanted).await?;
            let Some(last) = links.last() else { break };
            after = last.event.version();
            events.extend(links.into_iter().map(|link| link.event));
        }
        Ok(events)
    }

    /// The names of streams that begin with `prefix`, in order, after `after`, at most `max`. An
    /// empty answer is the end.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn streams(
        &self,
        prefix: &str,
        after: Option<&TopicName>,
        max: usize,
    ) -> Result<Vec<TopicName>> {
        let prefix = KeyPrefix::new(format!("{LOGS}{prefix}"))?;
        let after = after.map(log).transpose()?;
        let keys = self.storage.logs(&prefix, after.as_ref(), max).await?;
        keys.iter()
            .map(|key| TopicName::new(key.as_str().strip_prefix(LOGS).unwrap_or_default()))
            .collect()
    }

    /// How far the stream has come by the store's own account; `None` without events. Keep it
    /// elsewhere to be able to tell later that nobody rewrote the stream, see [`Checkpoint`].
    ///
    /// # Errors
    /// Those of the storage; `Codec` if it cannot be read.
    pub async fn checkpoint(&self, stream: impl AsRef<str>) -> Result<Option<Checkpoint>> {
        let stream = TopicName::new(stream)?;
        Ok(self.anchor(&stream).await?.map(|(anchor, _)| anchor))
    }

    /// Some links after version `after`, each whole and in its place.
    pub(super) async fn links(
        &self,
        stream: &TopicName,
        after: u64,
        max: usize,
    ) -> Result<Vec<Link>> {
        let records = self.storage.read(&log(stream)?, after, max).await?;
        let links = records.iter().map(|record| {
            let link = Link::decode(&record.data)
                .map_err(|error| damaged(error, stream, record.version))?;
            if link.event.version() == record.version && link.event.stream() == stream {
                return Ok(link);
            }
            let error = Error::new(ErrorKind::Codec, "the event is not in its place");
            Err(damaged(error, stream, record.version))
        });
        links.collect()
    }

    /// Where the stream ends, as it is remembered.
    pub(super) fn remembered_tail(&self, stream: &TopicName) -> Option<Tail> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(stream).map(|end| end.tail)
    }

    /// Where the stream ends.
    pub(super) async fn tail(&self, stream: &TopicName) -> Result<Tail> {
        let version = self.storage.version(&log(stream)?).await?;
        let tail = match version.checked_sub(1) {
            None => Tail::EMPTY,
            Some(before) => {
                let links = self.links(stream, before, 1).await?;
                links.first().map_or(Tail::EMPTY, Link::tail)
            }
        };
        let anchor = self.anchor(stream).await?;
        if let Some((anchor, _)) = &anchor
            && anchor.version > tail.version
            // Others may have appended in between.
            && self.storage.version(&log(stream)?).await? < anchor.version
        {
            return Err(Error::new(
                ErrorKind::Unexpected,
                format!(
                    "the end of the stream is gone: it had {} events, and has {}",
                    anchor.version, tail.version
                ),
            )
            .operation("append")
            .with("stream", stream)
            .remedy("find out who removed them (verify tells more), and restore a backup"));
        }
        let anchor = anchor.map(|(anchor, value)| Anchor {
            covers: anchor.version,
            value,
        });
        self.remember(stream, tail, anchor);
        Ok(tail)
    }

    fn remember(&self, stream: &TopicName, tail: Tail, anchor: Option<Anchor>) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.len() >= REMEMBERED && !ends.contains_key(stream) {
            ends.clear();
        }
        ends.insert(stream.clone(), End { tail, anchor });
    }

    pub(super) fn forget(&self, stream: &TopicName) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.remove(stream);
    }

    /// The store's own checkpoint, and the version of its value.
    pub(super) async fn anchor(&self, stream: &TopicName) -> Result<Option<(Checkpoint, u64)>> {
        let key = anchor_key(stream)?;
        let Some(value) = self.storage.get(&key).await? else {
            return Ok(None);
        };
        let anchor: Checkpoint = serde_json::from_slice(&value.data).map_err(|e| {
            Error::new(ErrorKind::Codec, "the stream's checkpoint cannot be read")
                .with("stream", stream)
                .source(e)
        })?;
        Ok(Some((anchor, value.version)))
    }

    /// Takes note that the stream has come to `tail`, unless it is known to have come further.
    pub(super) async fn set_anchor(&self, stream: &TopicName, tail: Tail) -> Result<()> {
        let key = anchor_key(stream)?;
        let text = serde_json::to_vec(&Checkpoint::new(stream, &tail))
            .map_err(|e| Error::new(ErrorKind::Codec, "a checkpoint has no form").source(e))?;
        let text = Bytes::from(text);
        let mut known = {
            let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
            ends.get(stream).and_then(|end| end.anchor)
        };
        loop {
            let found = match known.take() {
                Some(anchor) => Some(anchor),
                None => self.anchor(stream).await?.map(|(anchor, value)| Anchor {
                    covers: anchor.version,
                    value,
                }),
            };
            if found.is_some_and(|anchor| anchor.covers >= tail.version) {
                return Ok(());
            }
            let expected = Expected::Version(found.map_or(0, |anchor| anchor.value));
            if let Change::Made(value) = self.storage.put(&key, &text, expected, None).await? {
                let covers = tail.version;
                self.remember(stream, tail, Some(Anchor { covers, value }));
                return Ok(());
            }
        }
    }
}

/// The log that holds a stream.
pub(super) fn log(stream: &TopicName) -> Result<StorageKey> {
    StorageKey::new(format!("{LOGS}{stream}"))
}

fn anchor_key(stream: &TopicName) -> Result<StorageKey> {
    StorageKey::new(format!("event/head/{stream}"))
}

fn damaged(error: Error, stream: &TopicName, version: u64) -> Error {
    error
        .with("stream", stream)
        .with("version", version)
        .remedy("verify the stream to learn what was done to it")
}
