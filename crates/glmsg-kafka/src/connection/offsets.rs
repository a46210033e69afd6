//! Where partitions end, and how far groups are.

use std::collections::BTreeMap;
use std::sync::Arc;

use glmsg_core::{ErrorKind, Result, Timestamp};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::metadata::Partitions;
use super::{Link, ask_again, blocking};
use crate::error::from_kafka;

/// A place in a topic's partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Begin,
    End,
    /// The first message stored at or after this time.
    Time(Timestamp),
}

/// What a group has committed for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) metadata: String,
}

impl Link {
    /// The offsets of a place in partitions.
    pub(crate) async fn offsets(
        self: &Arc<Self>,
        partitions: Partitions,
        place: Place,
    ) -> Result<BTreeMap<(String, i32), i64>> {
        let link = Arc::clone(self);
        blocking(move || {
            if partitions.is_empty() {
                return Ok(BTreeMap::new());
            }
            let found = link.find_offsets(&*link.asker()?, &partitions, place);
            match found {
                // What it remembers of a topic may be of one that was deleted and made again.
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    link.retire_asker();
                    link.find_offsets(&*link.asker()?, &partitions, place)
                }
                found => found,
            }
        })
        .await
    }

    fn find_offsets(
        &self,
        asker: &BaseConsumer,
        partitions: &Partitions,
        place: Place,
    ) -> Result<BTreeMap<(String, i32), i64>> {
        let ends = || self.resolve(asker, partitions, -1);
        match place {
            Place::End => ends(),
            Place::Begin => self.resolve(asker, partitions, -2),
            Place::Time(at) => {
                let millis = at.as_micros().max(0).saturating_add(999) / 1000;
                let found = self.resolve(asker, partitions, millis)?;
                if found.values().all(|offset| *offset >= 0) {
                    return Ok(found);
                }
                // Nothing was stored since then.
                let ends = ends()?;
                let each = found.into_iter().map(|(partition, offset)| {
                    let offset = if offset < 0 { ends[&partition] } else { offset };
                    (partition, offset)
                });
                Ok(each.collect())
            }
        }
    }

    /// Asks for the offsets of a time in milliseconds; -1 is the end, -2 the beginning.
    fn resolve(
        &self,
        asker: &BaseConsumer,
        partitions: &Partitions,
        millis: i64,
    ) -> Result<BTreeMap<(String, i32), i64>> {
        let mut asked = TopicPartitionList::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            // A time is told as if it were an offset.
            let millis = match millis {
                -1 => Offset::End,
                -2 => Offset::Beginning,
                at => Offset::Offset(at),
            };
            let added = asked.add_partition_offset(topic, *partition, millis);
            added.map_err(|e| from_kafka(&e, false))?;
        }
        let timeout = self.config.timeout;
        ask_again(timeout, || {
            let found = asker.offsets_for_times(asked.clone(), timeout);
            let found = found.map_err(|e| from_kafka(&e, false));
            found.and_then(|list| read_offsets(&list))
        })
    }

    /// What a group has committed, for those partitions where it has. What a transaction that is
    /// still open would commit is not waited for: it is not committed.
    pub(crate) async fn committed(
        self: &Arc<Self>,
        group: &str,
        partitions: Partitions,
    ) -> Result<BTreeMap<(String, i32), Committed>> {
        let (link, group) = (Arc::clone(self), group.to_owned());
        blocking(move || {
            let mut asked = TopicPartitionList::with_capacity(partitions.len());
            for (topic, partition) in &partitions {
                asked.add_partition(topic, *partition);
            }
            let timeout = link.config.timeout;
            link.as_outsider(&group, |client| {
                ask_again(timeout, || committed(client, asked.clone(), timeout))
            })
        })
        .await
    }

    /// Commits for a group that has no members.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        group: &str,
        offsets: BTreeMap<(String, i32), Committed>,
    ) -> Result<()> {
        let (link, group) = (Arc::clone(self), group.to_owned());
        blocking(move || {
            let list = list(&offsets)?;
            link.as_outsider(&group, |client| {
                let done = client.commit(&list, CommitMode::Sync);
                done.map_err(|e| from_kafka(&e, true))
            })
        })
        .await
    }
}

fn read_offsets(list: &TopicPartitionList) -> Result<BTreeMap<(String, i32), i64>> {
    let mut offsets = BTreeMap::new();
    for element in list.elements() {
        element.error().map_err(|e| from_kafka(&e, false))?;
        let offset = match element.offset() {
            Offset::Offset(offset) => offset,
            _ => -1,
        };
        offsets.insert((element.topic().to_owned(), element.partition()), offset);
    }
    Ok(offsets)
}

pub(crate) fn list(offsets: &BTreeMap<(String, i32), Committed>) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for ((topic, partition), committed) in offsets {
        let mut element = list.add_partition(topic, *partition);
        let set = element.set_offset(Offset::Offset(committed.offset));
        set.map_err(|e| from_kafka(&e, false))?;
        element.set_metadata(&committed.metadata);
    }
    Ok(list)
}

/// What is committed, as a consumer of the group is told.
pub(crate) fn committed<C: rdkafka::consumer::ConsumerContext>(
    consumer: &BaseConsumer<C>,
    asked: TopicPartitionList,
    timeout: std::time::Duration,
) -> Result<BTreeMap<(String, i32), Committed>> {
    let found = consumer.committed_offsets(asked, timeout);
    let found = found.map_err(|e| from_kafka(&e, false))?;
    let mut offsets = BTreeMap::new();
    for element in found.elements() {
        element.error().map_err(|e| from_kafka(&e, false))?;
        if let Offset::Offset(offset) = element.offset() {
            let committed = Committed {
                offset,
                metadata: element.metadata().to_owned(),
            };
            offsets.insert((element.topic().to_owned(), element.partition()), committed);
        }
    }
    Ok(offsets)
}

/// Where partitions end, as a consumer is told.
pub(crate) fn ends<C: rdkafka::consumer::ConsumerContext>(
    consumer: &BaseConsumer<C>,
    list: &TopicPartitionList,
    timeout: std::time::Duration,
) -> Result<BTreeMap<(String, i32), i64>> {
    let mut asked = list.clone();
    let set = asked.set_all_offsets(Offset::End);
    set.map_err(|e| from_kafka(&e, false))?;
    let found = consumer.offsets_for_times(asked, timeout);
    read_offsets(&found.map_err(|e| from_kafka(&e, false))?)
}
