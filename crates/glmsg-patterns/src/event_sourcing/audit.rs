//! Who did what, and when.

use glmsg_core::{Result, Timestamp, TopicName};

use super::{Event, EventStore, ReplayFrom};

/// The most events that an answer looks at before it says where to go on.
const SCANNED: u64 = 10_000;

/// Which events of a stream are asked for. Without conditions: all of them.
#[derive(Debug, Clone)]
#[must_use = "a query is asked by `query`"]
pub struct AuditQuery {
    stream: String,
    event_type: Option<String>,
    agent: Option<String>,
    correlation_id: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    after: u64,
    limit: usize,
}

impl AuditQuery {
    /// Events of this stream.
    pub fn new(stream: impl Into<String>) -> Self {
        Self {
            stream: stream.into(),
            event_type: None,
            agent: None,
            correlation_id: None,
            from: None,
            to: None,
            after: 0,
            limit: 100,
        }
    }

    /// Of this type.
    pub fn event_type(mut self, event_type: impl Into<String>) -> Self {
        self.event_type = Some(event_type.into());
        self
    }

    /// Caused by this agent.
    pub fn agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = Some(agent.into());
        self
    }

    /// That belong to this.
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// Recorded at this time or later.
    pub fn from(mut self, time: Timestamp) -> Self {
        self.from = Some(time);
        self
    }

    /// Recorded before this time.
    pub fn to(mut self, time: Timestamp) -> Self {
        self.to = Some(time);
        self
    }

    /// Behind this version: where the page before ended.
    pub fn after(mut self, version: u64) -> Self {
        self.after = version;
        self
    }

    /// At most so many. Default: 100.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    fn takes(&self, event: &Event) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        is(&self.event_type, Some(event.event_type()))
            && is(&self.agent, event.agent())
            && is(&self.correlation_id, event.correlation_id())
    }
}

/// Some of the events that were asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// Where the next page begins, for [`AuditQuery::after`]; `None` at the end.
    pub next: Option<u64>,
}

impl EventStore {
    /// The events that are asked for, oldest first.
    ///
    /// Times are found by halving; for the rest every event in the range is read, at most 10 000
    /// for one answer. So a page may be short, or empty, and not be the last.
    ///
    /// # Errors
    /// `Codec` for a damaged event, those of the storage.
    pub async fn query(&self, query: &AuditQuery) -> Result<EventPage> {
        let stream = TopicName::new(&query.stream)?;
        let from = query.from.map_or(ReplayFrom::Beginning, ReplayFrom::Time);
        let after = self.before(&stream, from).await?.max(query.after);
        let mut replay = super::Replay::after(self, stream, after);
        let mut events = Vec::new();
        while let Some(event) = replay.next().await? {
            if query.to.is_some_and(|to| event.recorded_at() >= to) {
                break;
            }
            let version = event.version();
            if query.takes(&event) {
                events.push(event);
            }
            if events.len() >= query.limit || version - after >= SCANNED {
                let next = Some(version);
                return Ok(EventPage { events, next });
            }
        }
        Ok(EventPage { events, next: None })
    }
}
