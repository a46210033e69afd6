//! Reading a topic without a group.

use std::collections::VecDeque;

use bytes::Bytes;
use glmsg_broker::{Position, ReplayQuery, StartFrom, Stored};
use glmsg_core::{Error, ErrorKind, MessageId, Result, TopicName};
use redis::{Pipeline, Value};

use crate::broker::Shared;
use crate::encode::{bytes, list, next, stored, text, time_of_millis};
use crate::keys::LANES;
use crate::place::EntryId;
use crate::topology::id_at;

/// How many entries of a lane are read at once.
const PAGE: usize = 500;

/// An entry of a lane.
struct Entry {
    id: EntryId,
    body: Bytes,
}

/// The id at or after which a start lies.
pub(crate) async fn from(shared: &Shared, topic: &TopicName, start: &StartFrom) -> Result<EntryId> {
    Ok(match start {
        StartFrom::Earliest => EntryId::ZERO,
        StartFrom::Latest => EntryId {
            millis: u64::MAX,
            number: u64::MAX,
        },
        StartFrom::Time(at) => id_at(at.as_micros()),
        StartFrom::After(position) => {
            let id = EntryId::parse(position.as_str()).ok_or_else(|| not_ours(position))?;
            EntryId {
                millis: id.millis,
                number: id.number.saturating_add(1),
            }
        }
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
async fn find(shared: &Shared, topic: &TopicName, wanted: MessageId) -> Result<EntryId> {
    let missing = || {
        Error::new(ErrorKind::NotFound, "the topic holds no such message")
            .with("topic", topic)
            .with("message", wanted)
    };
    if shared.info(topic).await.is_err() {
        return Err(missing());
    }
    let mut after = EntryId::ZERO;
    loop {
        let page = page(shared, topic, after, PAGE).await?;
        let Some(last) = page.last().map(|entry| entry.id) else {
            return Err(missing());
        };
        for entry in page {
            let is_it = stored(&entry.body).is_ok_and(|message| message.id() == wanted);
            if is_it {
                return Ok(entry.id);
            }
        }
        after = EntryId {
            millis: last.millis,
            number: last.number.saturating_add(1),
        };
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
    let mut body = Bytes::new();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        if bytes(name)?.as_ref() == b"d" {
            body = bytes(value)?;
        }
    }
    Ok(Entry { id, body })
}

/// A page of a topic.
pub(crate) async fn read(shared: &Shared, query: &ReplayQuery) -> Result<Vec<Stored>> {
    shared.info(&query.topic).await?;
    if query.from == StartFrom::Latest || query.limit == 0 {
        return Ok(Vec::new());
    }
    let mut next = from(shared, &query.topic, &query.from).await?;
    let mut found = Vec::new();
    while found.len() < query.limit {
        let wanted = (query.limit - found.len()).min(PAGE);
        let page = page(shared, &query.topic, next, wanted).await?;
        let Some(last) = page.last().map(|entry| entry.id) else {
            break;
        };
        next = EntryId {
            millis: last.millis,
            number: last.number.saturating_add(1),
        };
        found.extend(page.into_iter().map(|entry| Stored {
            position: Position::new(entry.id.to_string()),
            stored_at: time_of_millis(i64::try_from(entry.id.millis).unwrap_or(i64::MAX)),
            message: stored(&entry.body),
        }));
    }
    Ok(found)
}
