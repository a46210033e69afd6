//! Adding to a stream.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use glmsg_broker::{Change, Expected, MAX_APPEND, Storage};
use glmsg_core::{Error, ErrorKind, MessageId, Result, TopicName};
use serde::Serialize;

use super::chain::{Link, Tail};
use super::store::log;
use super::{Event, EventStore, NewEvent};

/// How often the checkpoint of what is stored already is tried to be written.
const ANCHOR_ATTEMPTS: u32 = 6;

/// What was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The version of the stream's last event now.
    pub version: u64,
    /// The ids of the events, in order.
    pub ids: Vec<MessageId>,
}

/// Somebody else has appended before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionConflict {
    /// The stream.
    pub stream: TopicName,
    /// The version that was expected.
    pub expected: u64,
    /// The version of the stream's last event, which was found.
    pub actual: u64,
}

impl fmt::Display for VersionConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "append: stream {} is at version {}, not {}; read what was added and decide again",
            self.stream, self.actual, self.expected
        )
    }
}

impl StdError for VersionConflict {}

/// Why nothing was appended.
#[derive(Debug)]
#[non_exhaustive]
pub enum AppendError {
    /// The stream is not at the expected version.
    Conflict(VersionConflict),
    /// Anything else. `Indeterminate`: the events may be stored; read before you try again.
    Other(Error),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(conflict) => conflict.fmt(f),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl StdError for AppendError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Conflict(_) => None,
            Self::Other(error) => error.source(),
        }
    }
}

impl From<Error> for AppendError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<AppendError> for Error {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Other(error) => error,
            AppendError::Conflict(conflict) => Self::new(
                ErrorKind::Conflict,
                "the stream is not at the expected version",
            )
            .operation("append")
            .with("stream", &conflict.stream)
            .with("expected", conflict.expected)
            .with("actual", conflict.actual)
            .remedy("read what was added and decide again"),
        }
    }
}

impl EventStore {
    /// Appends events to a stream, all or none, if it is at the expected version; a stream that is
    /// to begin is expected to be [`NOTHING`](Expected::NOTHING). With [`Expected::Any`] they come
    /// behind whatever is there.
    ///
    /// They are stored, and the store's own [checkpoint](super::Checkpoint) covers them, when this
    /// returns.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] with the actual version. Else `InvalidArgument` for none or more
    /// than [`MAX_APPEND`] events, or a type, agent or header that messages do not take; `TooLarge`
    /// for an event that is too large with its headers; `Unexpected` if the end of the stream was
    /// removed; those of the storage. After `Indeterminate` the events may be stored.
    pub async fn append(
        &self,
        stream: impl AsRef<str>,
        expected: Expected,
        events: impl IntoIterator<Item = NewEvent>,
    ) -> Result<Appended, AppendError> {
        let stream = TopicName::new(stream)?;
        // Ids stay the same however often it is tried.
        let events: Vec<NewEvent> = events.into_iter().take(MAX_APPEND + 1).collect();
        if events.is_empty() || events.len() > MAX_APPEND {
            let error = Error::new(
                ErrorKind::InvalidArgument,
                format!("an append takes 1 to {MAX_APPEND} events"),
            );
            return Err(error.operation("append").with("stream", &stream).into());
        }
        let mut remembered = self.remembered_tail(&stream);
        loop {
            let is_remembered = remembered.is_some();
            let tail = match remembered.take() {
                Some(tail) => tail,
                None => self.tail(&stream).await?,
            };
            if let Expected::Version(expected) = expected
                && expected != tail.version
            {
                if is_remembered {
                    continue;
                }
                return Err(conflict(&stream, expected, tail.version));
            }
            let links = self.chained(&stream, tail, &events)?;
            match self.append_links(&stream, tail, &links).await? {
                Change::Made(version) => {
                    let ids = links.iter().map(|link| link.event.id()).collect();
                    return Ok(Appended { version, ids });
                }
                Change::Conflict(actual) => {
                    if let Expected::Version(expected) = expected {
                        return Err(conflict(&stream, expected, actual));
                    }
                }
            }
        }
    }

    /// Appends one event to the [default stream](Self::default_stream), with `data` as JSON.
    ///
    /// # Errors
    /// As [`append`](Self::append); `Codec` if `data` cannot be JSON.
    pub async fn log_event<T: Serialize + ?Sized>(
        &self,
        event_type: &str,
        data: &T,
        agent_id: Option<&str>,
    ) -> Result<Appended> {
        let mut event = NewEvent::json(event_type, data)?;
        if let Some(agent) = agent_id {
            event = event.agent(agent);
        }
        let stream = self.default_stream.clone();
        Ok(self.append(stream, Expected::Any, [event]).await?)
    }

    fn chained(&self, stream: &TopicName, tail: Tail, events: &[NewEvent]) -> Result<Vec<Link>> {
        let at = self.clock.now().max(tail.at);
        let (mut hash, mut links) = (tail.hash, Vec::with_capacity(events.len()));
        for (event, version) in events.iter().zip(tail.version + 1..) {
            let message = event.clone().into_message(stream, version, at);
            let event = message.map(Event::of).map_err(|e| e.operation("append"))?;
            let event = event.ok_or_else(|| {
                Error::new(ErrorKind::InvalidArgument, "the event has no type").operation("append")
            })?;
            let link = Link::behind(hash, event);
            hash = link.hash;
            links.push(link);
        }
        Ok(links)
    }

    /// Stores links behind `tail`, and that the stream has come so far.
    pub(super) async fn append_links(
        &self,
        stream: &TopicName,
        tail: Tail,
        links: &[Link],
    ) -> Result<Change> {
        let Some(last) = links.last() else {
            return Ok(Change::Made(tail.version));
        };
        let records: Vec<_> = links.iter().map(Link::encode).collect();
        let expected = Expected::Version(tail.version);
        let appended = self.storage.append(&log(stream)?, expected, &records).await;
        match appended {
            Ok(Change::Made(_)) => {}
            other => {
                self.forget(stream);
                return other;
            }
        }
        let mut attempt = 1;
        while let Err(error) = self.set_anchor(stream, last.tail()).await {
            self.forget(stream);
            if !error.is_transient() || attempt >= ANCHOR_ATTEMPTS {
                return Err(Error::new(
                    ErrorKind::Indeterminate,
                    "the events are stored, but not that the stream has come so far",
                )
                .operation("append")
                .with("stream", stream)
                .with("version", last.event.version())
                .remedy("do not append them again; the next append makes up for it")
                .source(error));
            }
            tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
            attempt += 1;
        }
        Ok(Change::Made(last.event.version()))
    }
}

fn conflict(stream: &TopicName, expected: u64, actual: u64) -> AppendError {
    AppendError::Conflict(VersionConflict {
        stream: stream.clone(),
        expected,
        actual,
    })
}
