//! Reading a stream from any point.

use std::collections::VecDeque;

use glmsg_broker::Storage;
use glmsg_core::{Result, Timestamp, TopicName};

use super::store::{BATCH, log};
use super::{Event, EventStore};

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayFrom {
    /// With the first event.
    Beginning,
    /// With the event of this version.
    Version(u64),
    /// With the first event that was recorded at this time or later.
    Time(Timestamp),
    /// With the first event that is appended from now on.
    Now,
}

/// The events of a stream from some point on, in order, read some at a time. What is appended
/// meanwhile is read too.
#[derive(Debug)]
#[must_use = "a replay is read by `next`"]
pub struct Replay {
    store: EventStore,
    stream: TopicName,
    after: u64,
    buffer: VecDeque<Event>,
}

impl Replay {
    pub(super) fn after(store: &EventStore, stream: TopicName, after: u64) -> Self {
        Self {
            store: store.clone(),
            stream,
            after,
            buffer: VecDeque::new(),
        }
    }

    pub(super) fn stream(&self) -> &TopicName {
        &self.stream
    }

    pub(super) fn store(&self) -> &EventStore {
        &self.store
    }

    /// The version of the last event that was given out.
    pub(super) fn position(&self) -> u64 {
        self.after
    }

    /// The next event; `None` at the end. Asked again it tells whether there is more by then.
    ///
    /// Cancel safe: no event is skipped.
    ///
    /// # Errors
    /// `Codec` for an event that is damaged, those of the storage; the next call tries again.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        if self.buffer.is_empty() {
            let links = self.store.links(&self.stream, self.after, BATCH).await?;
            self.buffer = links.into_iter().map(|link| link.event).collect();
        }
        let event = self.buffer.pop_front();
        if let Some(event) = &event {
            self.after = event.version();
        }
        Ok(event)
    }
}

impl EventStore {
    /// The events of a stream from some point on, up to its end.
    ///
    /// # Errors
    /// `Codec` for a damaged event where a time is looked for; those of the storage.
    pub async fn replay(&self, stream: impl AsRef<str>, from: ReplayFrom) -> Result<Replay> {
        let stream = TopicName::new(stream)?;
        let after = self.before(&stream, from).await?;
        Ok(Replay::after(self, stream, after))
    }

    /// The version of the last event before `from`.
    pub(super) async fn before(&self, stream: &TopicName, from: ReplayFrom) -> Result<u64> {
        match from {
            ReplayFrom::Beginning => Ok(0),
            ReplayFrom::Version(version) => Ok(version.saturating_sub(1)),
            ReplayFrom::Now => self.storage.version(&log(stream)?).await,
            ReplayFrom::Time(time) => self.before_time(stream, time).await,
        }
    }

    /// Times never go back within a stream, so that it is a search by halves.
    async fn before_time(&self, stream: &TopicName, time: Timestamp) -> Result<u64> {
        let (mut low, mut high) = (0, self.storage.version(&log(stream)?).await?);
        while low < high {
            let middle = low + (high - low) / 2;
            let links = self.links(stream, middle, 1).await?;
            let is_before = |at: Timestamp| at < time;
            match links.first() {
                Some(link) if is_before(link.event.recorded_at()) => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}
