//! Reading stored messages without a group.
//!
//! Messages of all partitions stand in one order: by the broker's time in milliseconds, and of one
//! millisecond by when they were made; each partition keeps its own order. What was scheduled stands
//! where it became due. A position names a message by its time, lane, partition and offset.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use glmsg_broker::{Position, ReplayQuery, StartFrom, Stored, StoredError};
use glmsg_core::{
    Clock as _, Error, ErrorKind, MessageId, Result, SystemClock, Timestamp, TopicName,
};
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;

use crate::cluster::Cluster;
use crate::connection::{Place, blocking, partitions};
use crate::names::TopicNames;
use crate::read_record::ReadRecord as _;
use crate::record;
use crate::scan::Range;
use crate::topology::no_start;

/// Counts as the lane of what was scheduled.
const LATER: usize = 4;

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
                lane: usize::try_from(next()?)
                    .ok()
                    .filter(|lane| *lane <= LATER)?,
                partition: i32::try_from(next()?).ok()?,
                offset: next()?,
            })
        })();
        stand
            .filter(|_| text.split('.').count() == 4)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    "this is no position in a topic on Kafka",
                )
                .remedy("take it from a replay of the same topic")
            })
    }
}

/// A message where it stands.
#[derive(Debug)]
struct Standing {
    stand: Stand,
    /// Settles the order of messages of one moment in different partitions.
    made: (i64, MessageId),
    message: Result<glmsg_core::Message, StoredError>,
}

/// Messages of one partition in their order.
type Stream = VecDeque<Standing>;

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
                (Place::Time(millis(stand.millis)), Some((stand, true)))
            }
            StartFrom::Message(id) => {
                let found = self.stand_of(&query.topic, &names, *id).await?;
                let stand = found.ok_or_else(|| no_start(&query.topic))?;
                (Place::Time(millis(stand.millis)), Some((stand, false)))
            }
        };
        let mut most = query.limit;
        loop {
            let (all, is_whole) = self.read_from(&query.topic, &names, place, most).await?;
            let all = match behind {
                Some((stand, passes_it)) => behind_it(all, stand, passes_it),
                None => all,
            };
            // Of one moment there may be more before the start than were asked for.
            if all.is_empty() && !is_whole {
                most = most.saturating_mul(4);
                continue;
            }
            let stored = all.into_iter().take(query.limit).map(|standing| Stored {
                position: Position::new(standing.stand.to_string()),
                stored_at: millis(standing.stand.millis),
                message: standing.message,
            });
            return Ok(stored.collect());
        }
    }

    /// Messages from a place on in their order, as far as that is known when at most so many of
    /// each partition are read. Tells whether that is all.
    async fn read_from(
        &self,
        topic: &TopicName,
        names: &TopicNames,
        place: Place,
        most: usize,
    ) -> Result<(Vec<Standing>, bool)> {
        let lanes = self
            .link
            .find_topics(names.lanes.iter().map(String::as_str))
            .await?;
        let all = partitions(&lanes);
        let from = self.link.offsets(all.clone(), place).await?;
        let to = self.link.offsets(all, Place::End).await?;
        let range = |((topic, partition), from): ((String, i32), i64), most| Range {
            to: to
                .get(&(topic.clone(), partition))
                .copied()
                .unwrap_or(i64::MAX),
            topic,
            partition,
            from,
            most,
        };
        let mut ranges: Vec<Range> = from.into_iter().map(|from| range(from, most)).collect();
        // Those that were scheduled stand where they became due, so all are looked at.
        let later = self.link.find_topics([&*names.later]).await?;
        let later = partitions(&later);
        let begins = self.link.offsets(later.clone(), Place::Begin).await?;
        let ends = self.link.offsets(later, Place::End).await?;
        ranges.extend(begins.into_iter().map(|(key, from)| Range {
            to: ends.get(&key).copied().unwrap_or(from),
            topic: key.0,
            partition: key.1,
            from,
            most: usize::MAX,
        }));
        let since = match place {
            Place::Time(at) => at.as_millis(),
            Place::Begin | Place::End => i64::MIN,
        };
        let (link, names, topic) = (Arc::clone(&self.link), names.clone(), topic.clone());
        blocking(move || {
            let now = SystemClock.now().as_millis();
            let mut streams: BTreeMap<(usize, i32), Stream> = BTreeMap::new();
            link.scan(&ranges, |record| {
                let lane = names.lanes.iter().position(|lane| lane == record.topic());
                let standing = standing(&topic, record, lane);
                if lane.is_some() || (since..=now).contains(&standing.stand.millis) {
                    let key = (standing.stand.lane, standing.stand.partition);
                    streams.entry(key).or_default().push_back(standing);
                }
            })?;
            for (_, stream) in streams.range_mut((LATER, i32::MIN)..) {
                stream
                    .make_contiguous()
                    .sort_by_key(|standing| standing.stand);
            }
            let is_cut = |lane: usize, stream: &Stream| lane < LATER && stream.len() >= most;
            let is_whole = !streams
                .iter()
                .any(|((lane, _), stream)| is_cut(*lane, stream));
            let mut all = merge(streams.into_values().collect());
            if !is_whole {
                // Each gave as many as that, so the first of all are among them; those behind may
                // not be the next.
                all.truncate(most);
            }
            Ok((all, is_whole))
        })
        .await
    }

    async fn stand_of(
        &self,
        topic: &TopicName,
        names: &TopicNames,
        id: MessageId,
    ) -> Result<Option<Stand>> {
        let (all, _) = self
            .read_from(topic, names, Place::Begin, usize::MAX)
            .await?;
        let is_it = |s: &&Standing| s.message.as_ref().is_ok_and(|message| message.id() == id);
        Ok(all.iter().find(is_it).map(|standing| standing.stand))
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
        self.offsets_from(topic, names, stand, false)
            .await
            .map(Some)
    }

    /// The offsets of a group that begins behind this position.
    pub(crate) async fn offsets_after(
        &self,
        topic: &TopicName,
        names: &TopicNames,
        position: &Position,
    ) -> Result<BTreeMap<(String, i32), i64>> {
        let stand: Stand = position.as_str().parse()?;
        self.offsets_from(topic, names, stand, true).await
    }

    /// The offsets of what stands at a place and behind it, or only behind it.
    async fn offsets_from(
        &self,
        topic: &TopicName,
        names: &TopicNames,
        stand: Stand,
        passes_it: bool,
    ) -> Result<BTreeMap<(String, i32), i64>> {
        let lanes = self
            .link
            .find_topics(names.lanes.iter().map(String::as_str))
            .await?;
        let place = Place::Time(millis(stand.millis));
        let mut offsets = self.link.offsets(partitions(&lanes), place).await?;
        let (all, _) = self.read_from(topic, names, place, usize::MAX).await?;
        for standing in &all {
            let is_it = standing.stand == stand;
            if (is_it && !passes_it) || standing.stand.millis > stand.millis {
                break;
            }
            if let Some(lane) = names.lanes.get(standing.stand.lane) {
                let key = (lane.clone(), standing.stand.partition);
                offsets.insert(key, standing.stand.offset + 1);
            }
            if is_it {
                break;
            }
        }
        Ok(offsets)
    }
}

fn standing(topic: &TopicName, record: &BorrowedMessage<'_>, lane: Option<usize>) -> Standing {
    let message = record::published(topic, record);
    let stored_at = record.stored_at();
    let due = match (&message, lane) {
        (Ok(message), None) => message.schedule().due(stored_at),
        _ => None,
    };
    // One that was due when it came is stored then.
    let at = due.map_or(stored_at, |due| due.max(stored_at));
    let made = message
        .as_ref()
        .map(|m| (m.created_at().as_micros(), m.id()));
    Standing {
        stand: Stand {
            millis: at.as_millis(),
            lane: lane.unwrap_or(LATER),
            partition: record.partition(),
            offset: record.offset(),
        },
        made: made.unwrap_or_else(|_| (at.as_micros(), MessageId::from_bytes([0; 16]))),
        message: message.map_err(|e| StoredError {
            error: e.to_string(),
        }),
    }
}

/// Puts streams together. Each keeps its order; of their heads the earliest goes first.
fn merge(mut streams: Vec<Stream>) -> Vec<Standing> {
    let mut all = Vec::with_capacity(streams.iter().map(VecDeque::len).sum());
    loop {
        let heads = streams.iter().enumerate().filter_map(|(at, stream)| {
            let head = stream.front()?;
            Some(((head.stand.millis, head.made, head.stand), at))
        });
        let Some((_, at)) = heads.min() else {
            return all;
        };
        all.extend(streams[at].pop_front());
    }
}

/// What stands at a place and behind it, or only behind it. If the place is gone, what is later.
fn behind_it(all: Vec<Standing>, stand: Stand, passes_it: bool) -> Vec<Standing> {
    match all.iter().position(|standing| standing.stand == stand) {
        Some(at) => all.into_iter().skip(at + usize::from(passes_it)).collect(),
        None => {
            let later = |standing: &Standing| standing.stand.millis > stand.millis;
            all.into_iter().filter(later).collect()
        }
    }
}

fn millis(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis.saturating_mul(1000))
}
