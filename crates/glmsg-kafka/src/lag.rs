//! How far a group is behind, from what it has committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use glmsg_broker::Lag;
use glmsg_core::{Clock as _, GroupName, Result, SystemClock, Timestamp, TopicName};
use rdkafka::Message as _;

use crate::cluster::Cluster;
use crate::connection::{Place, blocking, partitions};
use crate::marks::{self, Mark};
use crate::read_record::ReadRecord as _;
use crate::record;
use crate::scan::Range;
use crate::settling::confirmed;

/// Where fewer stand than this they are counted one by one: offsets have gaps.
const FEW: i64 = 1000;

/// What is left of a partition.
#[derive(Debug)]
struct Left {
    low: i64,
    end: i64,
    marks: BTreeMap<i64, Mark>,
    is_lane: bool,
}

impl Left {
    /// The first message that may not be done.
    fn first(&self) -> i64 {
        let mut at = self.low;
        while self.marks.get(&at) == Some(&Mark::Done) {
            at += 1;
        }
        at
    }

    /// Whether its messages are looked at one by one.
    fn is_read(&self) -> bool {
        !self.is_lane || self.end - self.low <= FEW
    }
}

impl Cluster {
    pub(crate) async fn find_lag(&self, topic: &TopicName, group: &GroupName) -> Result<Lag> {
        let (topics, found) = self.find_topic(topic).await?;
        let names = self.find_group(topic, group).await?;
        if let Some(here) = self.group_here(topic, group) {
            here.commit_all().await?;
        }
        let mut found = found;
        found.insert(names.retry.clone(), crate::retry::TIERS);
        let all = partitions(&found);
        // The ends last: so nothing is done that is not there.
        let offsets =
            async |place| confirmed(&self.link, || self.link.offsets(all.clone(), place)).await;
        let (begins, committed) = tokio::try_join!(
            offsets(Place::Begin),
            self.link.committed(&names.id, all.clone()),
        )?;
        let ends = offsets(Place::End).await?;
        let mut left = BTreeMap::new();
        for partition in all {
            let begin = begins.get(&partition).copied().unwrap_or(0);
            let (low, told) = match committed.get(&partition) {
                Some(committed) => (committed.offset.max(begin), &*committed.metadata),
                None => (begin, ""),
            };
            let end = ends.get(&partition).copied().unwrap_or(low).max(low);
            let is_lane = topics.lanes.contains(&partition.0);
            let marks = marks::read(committed.get(&partition).map_or(low, |c| c.offset), told);
            left.insert(
                partition,
                Left {
                    low,
                    end,
                    marks,
                    is_lane,
                },
            );
        }
        let mut lag = self.count_left(left).await?;
        lag.dead_letters = self.letters(&names).await?;
        Ok(lag)
    }

    async fn count_left(&self, left: BTreeMap<(String, i32), Left>) -> Result<Lag> {
        let link = Arc::clone(&self.link);
        blocking(move || {
            let (now, mut lag) = (SystemClock.now(), Lag::default());
            let mut oldest: Option<Timestamp> = None;
            let ranges: Vec<Range> = left
                .iter()
                .map(|((topic, partition), left)| Range {
                    topic: topic.clone(),
                    partition: *partition,
                    from: left.first(),
                    to: left.end,
                    // Of a long one the first is enough to tell its age.
                    most: if left.is_read() { usize::MAX } else { 1 },
                })
                .collect();
            link.scan(&ranges, |record| {
                let partition = (record.topic().to_owned(), record.partition());
                let Some(left) = left.get(&partition) else {
                    return;
                };
                let mark = left.marks.get(&record.offset());
                if mark == Some(&Mark::Done) {
                    return;
                }
                let entry = if left.is_lane {
                    None
                } else if record.topic().ends_with("..later") {
                    record::due_of_published(record)
                } else {
                    Some(record::read(record)).map(|e| (e.due, e.is_scheduled, e.stored_at))
                };
                let is_due = entry.is_none_or(|(due, ..)| due.is_none_or(|due| due <= now));
                if !is_due && entry.is_some_and(|(_, is_scheduled, _)| is_scheduled) {
                    return;
                }
                let stored_at = entry.map_or_else(|| record.stored_at(), |(.., at)| at);
                oldest = Some(oldest.map_or(stored_at, |oldest| oldest.min(stored_at)));
                if !left.is_read() {
                    return;
                }
                match mark {
                    Some(Mark::Delivered(times)) if *times > 0 => lag.in_flight += 1,
                    Some(Mark::Waiting(_)) => lag.delayed += 1,
                    _ if !is_due => lag.delayed += 1,
                    // It has been with the group before.
                    _ if entry.is_some_and(|(_, is_scheduled, _)| !is_scheduled) => {
                        lag.delayed += 1;
                    }
                    _ => lag.undelivered += 1,
                }
            })?;
            for left in left.values().filter(|left| !left.is_read()) {
                let mut rest = u64::try_from(left.end - left.low).unwrap_or(0);
                for mark in left.marks.values() {
                    rest = rest.saturating_sub(1);
                    match mark {
                        Mark::Done => {}
                        Mark::Delivered(_) => lag.in_flight += 1,
                        Mark::Waiting(_) => lag.delayed += 1,
                    }
                }
                lag.undelivered += rest;
            }
            lag.oldest_age = oldest.map(|at| now.since(at));
            Ok(lag)
        })
        .await
    }
}
