//! Reading a topic without a group.

use std::collections::VecDeque;

use bytes::Bytes;
use glmsg_broker::{Frames, Position, ReplayQuery, StartFrom, Stored};
use glmsg_core::{Error, ErrorKind, MessageId, Result, TopicName};
use redis::{Pipeline, Value};

use crate::broker::Shared;
use crate::encode::{bytes, list, next, stored, text, time_of_millis};
use crate::frame;
use crate::keys::LANES;
use crate::place::EntryId;
use crate::topology::id_at;

/// How many entries of a lane are read at once.
const PAGE: usize = 500;

/// An entry of a lane.
struct Entry {
    id: EntryId,
    body: Bytes,
    is_frame: bool,
}

impl Entry {
    /// Its messages, the first with the number 0. A damaged frame counts as one.
    fn bodies(&self) -> Vec<Bytes> {
        let opened = self.is_frame.then(|| frame::open(&self.body)).flatten();
        opened.map_or_else(|| vec![self.body.clone()], Iterator::collect)
    }
}

/// A message's place in the stored order: its entry, and its number in that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) id: EntryId,
    pub(crate) index: usize,
}

impl Place {
    fn at(id: EntryId) -> Self {
        Self { id, index: 0 }
    }

    /// The place of the next entry's first message.
    fn behind(id: EntryId) -> Self {
        Self::at(EntryId {
            millis: id.millis,
            number: id.number.saturating_add(1),
        })
    }

    /// Reads a position. That of a message in a frame ends with a dot and its number.
    fn after(position: &Position) -> Option<Self> {
        let Some((id, index)) = position.as_str().split_once('.') else {
            return EntryId::parse(position.as_str()).map(Self::behind);
        };
        let is_plain = index.bytes().all(|digit| digit.is_ascii_digit());
        let index: u16 = index.parse().ok().filter(|_| is_plain)?;
        Some(Self {
            id: EntryId::parse(id)?,
            index: usize::from(index) + 1,
        })
    }
}

/// The place at or after which a start lies.
pub(crate) async fn from(shared: &Shared, topic: &TopicName, start: &StartFrom) -> Result<Place> {
    Ok(match start {
        StartFrom::Earliest => Place::at(EntryId::ZERO),
        StartFrom::Latest => Place::at(EntryId {
            millis: u64::MAX,
            number: u64::MAX,
        }),
        StartFrom::Time(at) => Place::at(id_at(at.as_micros())),
        StartFrom::After(position) => Place::after(position).ok_or_else(|| not_ours(position))?,
        StartFrom::Message(id) => find(shared, topic, *id).await?,
    })
}

fn not_ours(position: &Position) -> Error {
    let shown: String = position.as_str().chars().take(40).collect();
    Error::new(
        ErrorKind::InvalidArgument,
        "the position is none of this broker's",
    )
    .with("position", shown)
    .remedy("use a position that a replay of this topic reported")
}

/// Looks for a message from the oldest on: the server keeps no index of places.
async fn find(shared: &Shared, topic: &TopicName, wanted: MessageId) -> Result<Place> {
    let missing = || {
        Error::new(ErrorKind::NotFound, "the topic holds no such message")
            .with("topic", topic)
            .with("message", wanted)
    };
    let Ok(info) = shared.info(topic).await else {
        return Err(missing());
    };
    let mut pages = Pages::new(info.topic.config.frames.as_ref());
    let mut next = EntryId::ZERO;
    loop {
        let page = pages.read(shared, topic, next, PAGE).await?;
        let Some(last) = page.last().map(|entry| entry.id) else {
            return Err(missing());
        };
        for entry in page {
            let is_it = |body: &Bytes| stored(body).is_ok_and(|message| message.id() == wanted);
            if let Some(index) = entry.bodies().iter().position(is_it) {
                return Ok(Place {
                    id: entry.id,
                    index,
                });
            }
        }
        next = Place::behind(last).id;
    }
}

/// Reads page by page, of entries that hold as many messages as those before.
struct Pages {
    per_entry: usize,
}

impl Pages {
    fn new(frames: Option<&Frames>) -> Self {
        let most = frames.map_or(1, |frames| frames.max_messages);
        Self {
            per_entry: usize::try_from(most).unwrap_or(1),
        }
    }

    /// The next entries, with about so many messages.
    async fn read(
        &mut self,
        shared: &Shared,
        topic: &TopicName,
        from: EntryId,
        messages: usize,
    ) -> Result<Vec<Entry>> {
        let most = messages.div_ceil(self.per_entry.max(1));
        let page = page(shared, topic, from, most).await?;
        let sizes = page.iter().map(|entry| match entry.is_frame {
            true => frame::count(&entry.body),
            false => 1,
        });
        let all: usize = sizes.sum();
        self.per_entry = all.checked_div(page.len()).unwrap_or(1);
        Ok(page)
    }
}

/// A page of the four lanes, merged by stored order.
async fn page(
    shared: &Shared,
    topic: &TopicName,
    from: EntryId,
    limit: usize,
) -> Result<Vec<Entry>> {
    let keys = shared.keys(topic);
    let mut pipeline = Pipeline::with_capacity(LANES);
    for lane in 0..4 {
        let mut range = redis::cmd("XRANGE");
        range.arg(keys.lane(lane)).arg(from.to_string()).arg("+");
        range.arg("COUNT").arg(limit);
        pipeline.add_command(range);
    }
    let replies = shared.link.send(keys.slot, &pipeline).await?;
    let mut lanes = Vec::with_capacity(LANES);
    for lane in replies.values {
        let entries = list(lane)?.into_iter().map(entry);
        lanes.push(entries.collect::<Result<VecDeque<Entry>>>()?);
    }
    let mut merged = Vec::new();
    while merged.len() < limit {
        let heads = lanes.iter_mut().filter(|lane| !lane.is_empty());
        let first = heads.min_by_key(|lane| lane.front().map(|entry| entry.id));
        let Some(entry) = first.and_then(VecDeque::pop_front) else {
            break;
        };
        merged.push(entry);
    }
    Ok(merged)
}

fn entry(value: Value) -> Result<Entry> {
    let mut parts = list(value)?.into_iter();
    let id = text(next(&mut parts)?)?;
    let id = EntryId::parse(&id).unwrap_or(EntryId::ZERO);
    let mut fields = list(next(&mut parts)?)?.into_iter();
    let (mut body, mut is_frame) = (Bytes::new(), false);
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        match bytes(name)?.as_ref() {
            b"d" => body = bytes(value)?,
            b"f" => (body, is_frame) = (bytes(value)?, true),
            _ => {}
        }
    }
    Ok(Entry { id, body, is_frame })
}

/// A page of a topic.
pub(crate) async fn read(shared: &Shared, query: &ReplayQuery) -> Result<Vec<Stored>> {
    let info = shared.info(&query.topic).await?;
    if query.from == StartFrom::Latest || query.limit == 0 {
        return Ok(Vec::new());
    }
    let mut next = from(shared, &query.topic, &query.from).await?;
    let mut pages = Pages::new(info.topic.config.frames.as_ref());
    let mut found = Vec::new();
    while found.len() < query.limit {
        let wanted = (query.limit - found.len()).min(PAGE);
        let page = pages.read(shared, &query.topic, next.id, wanted).await?;
        let Some(last) = page.last().map(|entry| entry.id) else {
            break;
        };
        for entry in page {
            let skipped = if entry.id == next.id { next.index } else { 0 };
            let bodies = entry.bodies();
            let all = bodies.iter().enumerate().skip(skipped);
            found.extend(all.map(|(index, body)| at(&entry, index, body)));
        }
        next = Place::behind(last);
    }
    found.truncate(query.limit);
    Ok(found)
}

fn at(entry: &Entry, index: usize, body: &Bytes) -> Stored {
    let id = entry.id;
    let position = match entry.is_frame {
        true => format!("{id}.{index}"),
        false => id.to_string(),
    };
    Stored {
        position: Position::new(position),
        stored_at: time_of_millis(i64::try_from(id.millis).unwrap_or(i64::MAX)),
        message: stored(body),
    }
}
