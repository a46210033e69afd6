//! Reading stored messages without a group.
//!
//! Messages of all partitions stand in one order: by the broker's time, then by lane, partition
//! and offset. A position names a message by these four.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use glmsg_broker::{Position, ReplayQuery, StartFrom, Stored, StoredError};
use glmsg_core::{Error, ErrorKind, MessageId, Result, Timestamp, TopicName};
use rdkafka::Message as _;

use crate::cluster::Cluster;
use crate::connection::{Place, apart, partitions};
use crate::names::TopicNames;
use crate::record;
use crate::scan::Range;
use crate::topology::no_start;

/// Where a message stands among all of its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stand {
    millis: i64,
    lane: usize,
    partition: i32,
    offset: i64,
}

impl fmt::Display for Stand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            millis,
            lane,
            partition,
            offset,
        } = self;
        write!(f, "{millis}.{lane}.{partition}.{offset}")
    }
}

impl FromStr for Stand {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut numbers = text.split('.').map(str::parse::<i64>);
        let mut next = || numbers.next().and_then(Result::ok);
        let stand = (|| {
            Some(Self {
                millis: next()?,
                lane: usize::try_from(next()?).ok().filter(|lane| *lane < 4)?,
                partition: i32::try_from(next()?).ok()?,
                offset: next()?,
            })
        })();
        stand.filter(|_| text.split('.').count() == 4).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "this is no position in a topic on Kafka")
                .remedy("take it from a replay of the same topic")
        })
    }
}

/// A message where it stands.
type Standing = (Stand, Result<glmsg_core::Message, StoredError>);

impl Cluster {
    pub(crate) async fn read(&self, query: &ReplayQuery) -> Result<Vec<Stored>> {
        let (names, _) = self.find_topic(&query.topic).await?;
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let (place, behind) = match &query.from {
            StartFrom::Earliest => (Place::Begin, None),
            StartFrom::Latest => return Ok(Vec::new()),
            StartFrom::Time(at) => (Place::Time(*at), None),
            StartFrom::After(position) => {
                let stand: Stand = position.as_str().parse()?;
                (Place::Time(millis(stand.millis)), Some(stand))
            }
            StartFrom::Message(id) => {
                let found = self.stand_of(&query.topic, &names, *id).await?;
                let stand = found.ok_or_else(|| no_start(&query.topic))?;
                let before = Stand {
                    offset: stand.offset - 1,
                    ..stand
                };
                (Place::Time(millis(stand.millis)), Some(before))
            }
        };
        // One more of each than are wanted: what stands at the same time as the start may fall away.
        let mut extra = 0;
        loop {
            let read = self.read_from(&query.topic, &names, place, query.limit + extra);
            let (all, is_whole) = read.await?;
            let found = all.iter().filter(|(stand, _)| behind.is_none_or(|at| *stand > at));
            if found.count() < query.limit.min(1) && !is_whole {
                extra = (extra + query.limit) * 2;
                continue;
            }
            let stored = all
                .into_iter()
                .filter(|(stand, _)| behind.is_none_or(|at| *stand > at))
                .take(query.limit)
                .map(|(stand, message)| Stored {
                    position: Position::new(stand.to_string()),
                    stored_at: millis(stand.millis),
                    message,
                });
            return Ok(stored.collect());
        }
    }

    /// Messages from a place on in their order, at most so many of each partition. Those behind
    /// the end of what was read of any partition are left out. Tells whether all was read.
    async fn read_from(
        &self,
        topic: &TopicName,
        names: &TopicNames,
        place: Place,
        most: usize,
    ) -> Result<(Vec<Standing>, bool)> {
        let lanes = self.link.find_topics(names.lanes.iter().map(String::as_str)).await?;
        let all = partitions(&lanes);
        let from = self.link.offsets(all.clone(), place).await?;
        let to = self.link.offsets(all, Place::End).await?;
        let each = from.into_iter().map(|((topic, partition), from)| {
            let to = to.get(&(topic.clone(), partition)).copied().unwrap_or(from);
            Range {
                topic,
                partition,
                from,
                to,
                most,
            }
        });
        let ranges: Vec<Range> = each.collect();
        let (link, names, topic) = (Arc::clone(&self.link), names.clone(), topic.clone());
        apart(move || {
            let mut found: Vec<Standing> = Vec::new();
            let mut last: BTreeMap<(String, i32), (usize, Stand)> = BTreeMap::new();
            link.scan(&ranges, |record| {
                let lane = names.lanes.iter().position(|lane| lane == record.topic());
                let stand = Stand {
                    millis: record.timestamp().to_millis().unwrap_or(0),
                    lane: lane.unwrap_or(1),
                    partition: record.partition(),
                    offset: record.offset(),
                };
                let key = (record.topic().to_owned(), record.partition());
                let (count, at) = last.entry(key).or_insert((0, stand));
                (*count, *at) = (*count + 1, stand);
                let message = record::published(&topic, record).map_err(|e| StoredError {
                    error: e.to_string(),
                });
                found.push((stand, message));
            })?;
            found.sort_by_key(|(stand, _)| *stand);
            // A partition of which there is more may have messages that stand before the others'.
            let ends = last.values().filter(|(count, _)| *count >= most);
            let end = ends.map(|(_, stand)| *stand).min();
            if let Some(end) = end {
                found.retain(|(stand, _)| *stand <= end);
            }
            Ok((found, end.is_none()))
        })
        .await
    }

    async fn stand_of(
        &self,
        topic: &TopicName,
        names: &TopicNames,
        id: MessageId,
    ) -> Result<Option<Stand>> {
        let (all, _) = self.read_from(topic, names, Place::Begin, usize::MAX).await?;
        let found = all.into_iter().find(|(_, message)| {
            message.as_ref().is_ok_and(|message| message.id() == id)
        });
        Ok(found.map(|(stand, _)| stand))
    }

    /// The offsets of a group that begins with this message.
    pub(crate) async fn find_message(
        &self,
        topic: &TopicName,
        names: &TopicNames,
        id: MessageId,
    ) -> Result<Option<BTreeMap<(String, i32), i64>>> {
        let Some(stand) = self.stand_of(topic, names, id).await? else {
            return Ok(None);
        };
        self.offsets_from(names, stand).await.map(Some)
    }

    /// The offsets of a group that begins behind this position.
    pub(crate) async fn offsets_after(
        &self,
        names: &TopicNames,
        position: &Position,
    ) -> Result<BTreeMap<(String, i32), i64>> {
        let stand: Stand = position.as_str().parse()?;
        let next = Stand {
            offset: stand.offset + 1,
            ..stand
        };
        self.offsets_from(names, next).await
    }

    /// The offsets of the messages that stand at a place or behind it.
    async fn offsets_from(
        &self,
        names: &TopicNames,
        stand: Stand,
    ) -> Result<BTreeMap<(String, i32), i64>> {
        let lanes = self.link.find_topics(names.lanes.iter().map(String::as_str)).await?;
        let all = partitions(&lanes);
        let at = self.link.offsets(all.clone(), Place::Time(millis(stand.millis))).await?;
        let behind = self.link.offsets(all, Place::Time(millis(stand.millis + 1))).await?;
        let each = at.into_iter().map(|((name, partition), at)| {
            let lane = names.lanes.iter().position(|lane| *lane == name).unwrap_or(1);
            let key = (name, partition);
            // Of the same millisecond those before it in order are left out.
            let offset = match (lane, partition).cmp(&(stand.lane, stand.partition)) {
                std::cmp::Ordering::Less => behind.get(&key).copied().unwrap_or(at),
                std::cmp::Ordering::Equal => stand.offset,
                std::cmp::Ordering::Greater => at,
            };
            (key, offset)
        });
        Ok(each.collect())
    }
}

fn millis(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis.saturating_mul(1000))
}
