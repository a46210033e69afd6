//! What waits to be sent: batches by partition, and partitions by the broker that leads them.

mod node;
mod partition;

use std::collections::HashMap;
use std::sync::Arc;

use glmsg_core::Error;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;
use tokio::time::Instant;

use self::node::Node;
pub(super) use self::partition::Partition;
use super::batch::Batch;
use super::call::is_stale;
use super::ticket::Ticket;
use super::{NewRecord, ProducerSettings, partitioner};
use crate::Leaders;

/// The broker of partitions whose leader is not known.
pub(super) const NOBODY: i32 = -1;

/// Which partition: the number of its topic here, and its own.
pub(super) type At = (usize, usize);

/// The partitions of a topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: TopicName,
    pub(super) partitions: Vec<Partition>,
    /// How many there are now: fewer, if the topic was made anew.
    count: usize,
    /// Where records without a key go for now, so that they share a batch.
    chosen: usize,
    asked: Instant,
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub(super) struct State {
    numbers: HashMap<Box<str>, usize>,
    pub(super) topics: Vec<Topic>,
    nodes: HashMap<i32, Node>,
    /// How many bytes wait to be stored, and in how many batches.
    bytes: usize,
    batches: usize,
    /// The producer's number and epoch at the cluster.
    pub(super) identity: Option<(i64, i16)>,
    /// Why the cluster could not be reached, by what was told last, and when that was.
    pub(super) trouble: Option<(Instant, Arc<Error>)>,
}

/// What came of putting a record.
#[derive(Debug)]
pub(super) enum Put {
    /// It is in a batch. A broker, if its task waits to hear of it.
    Done(Option<i32>),
    /// The topic was not asked for yet.
    UnknownTopic,
    /// The topic has no such partition.
    NoPartition,
    /// As much waits as may.
    NoRoom,
}

impl State {
    pub(super) fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// Whether a record may be put. One that is larger than all room may, if nothing waits.
    pub(super) fn has_room(&self, queue: usize, record: &NewRecord<'_>) -> bool {
        self.bytes == 0 || self.bytes + Batch::size_of(record) <= queue
    }

    pub(super) fn put(
        &mut self,
        settings: &ProducerSettings,
        record: &NewRecord<'_>,
        (ticket, index): (&Arc<Ticket>, u32),
        (now, time): (Instant, i64),
    ) -> Put {
        let Some(&number) = self.numbers.get(record.topic) else {
            return Put::UnknownTopic;
        };
        if !self.has_room(settings.queue, record) {
            return Put::NoRoom;
        }
        let topic = &mut self.topics[number];
        if is_stale(topic.asked, now) {
            return Put::UnknownTopic;
        }
        let at = match (record.partition, record.key) {
            (Some(partition), _) => usize::try_from(partition).unwrap_or(usize::MAX),
            (None, Some(key)) => partitioner::of_key(key, topic.count),
            (None, None) => topic.chosen,
        };
        let Some(partition) = topic.partitions[..topic.count].get_mut(at) else {
            return Put::NoPartition;
        };
        let size = Batch::size_of(record);
        let soon = now + settings.timeout / 2;
        let batch = match partition.open(size, settings.batch, soon) {
            Some(batch) => batch,
            None => {
                self.batches += 1;
                partition.begin(now + settings.timeout)
            }
        };
        let before = batch.len();
        batch.put(record, time);
        self.bytes += batch.len() - before;
        batch.reports.add(ticket, index);
        Put::Done(self.list((number, at)))
    }

    /// Has a partition's broker send what it has. Returns the broker if its task waits.
    pub(super) fn list(&mut self, at: At) -> Option<i32> {
        let partition = &mut self.topics[at.0].partitions[at.1];
        if partition.is_under_way || partition.queue.is_empty() {
            return None;
        }
        let leader = partition.leader;
        let node = self.nodes.entry(leader).or_default();
        if !std::mem::replace(&mut partition.is_listed, true) {
            node.due.push_back(at);
        }
        // Whoever has something there rings: others may be long in coming to it.
        node.is_to_wake().then_some(leader)
    }

    /// What is known of a topic now.
    pub(super) fn learn(&mut self, name: &str, leaders: &Leaders) {
        let now = Instant::now();
        let number = *self.numbers.entry(name.into()).or_insert_with(|| {
            self.topics.push(Topic {
                name: TopicName(StrBytes::from_string(name.to_owned())),
                partitions: Vec::new(),
                count: 0,
                chosen: 0,
                asked: now,
            });
            self.topics.len() - 1
        });
        let topic = &mut self.topics[number];
        topic.asked = now;
        topic.count = leaders.nodes.len();
        while topic.partitions.len() < leaders.nodes.len() {
            topic.partitions.push(Partition::default());
        }
        for (partition, leader) in topic.partitions.iter_mut().zip(&leaders.nodes) {
            // Others are moved by those who have them.
            if !partition.is_listed && !partition.is_under_way {
                partition.leader = (*leader).max(NOBODY);
            }
        }
        topic.choose();
    }

    /// Takes a batch of each partition that is due at a broker, up to so many bytes.
    pub(super) fn take(&mut self, node: i32, most: usize) -> Vec<(At, Batch)> {
        let Self {
            nodes,
            topics,
            identity,
            ..
        } = self;
        let due = nodes.entry(node).or_default().take_due();
        let (mut taken, mut bytes) = (Vec::with_capacity(due.len()), 0);
        while let Some(&at) = due.front() {
            let topic = &mut topics[at.0];
            let partition = &mut topic.partitions[at.1];
            let len = partition.queue.front().map_or(0, Batch::len);
            if bytes > 0 && bytes + len > most {
                break;
            }
            due.pop_front();
            partition.is_listed = false;
            if let Some(batch) = partition.take(*identity) {
                bytes += len;
                taken.push((at, batch));
            }
            if topic.chosen == at.1 {
                topic.choose();
            }
        }
        taken
    }

    /// A batch that was taken has come to its end.
    pub(super) fn end(&mut self, batch: &Batch) {
        self.bytes = self.bytes.saturating_sub(batch.len());
        self.batches = self.batches.saturating_sub(1);
    }

    /// One batch has become two.
    pub(super) fn count_split(&mut self, old: usize, parts: &[Batch; 2]) {
        self.bytes = (self.bytes + parts[0].len() + parts[1].len()).saturating_sub(old);
        self.batches += 1;
    }

    /// The name of a partition's topic.
    pub(super) fn name(&self, at: At) -> TopicName {
        self.topics[at.0].name.clone()
    }

    pub(super) fn partition(&mut self, at: At) -> &mut Partition {
        &mut self.topics[at.0].partitions[at.1]
    }
}

impl Topic {
    /// Has records without a key go to another partition, if it can be one that has a leader.
    fn choose(&mut self) {
        let count = self.count;
        if count < 2 {
            self.chosen = 0;
            return;
        }
        let from = fastrand::usize(..count);
        let all = (from..count).chain(0..from);
        let mut others = all.filter(|at| *at != self.chosen && self.partitions[*at].leader >= 0);
        // What goes to one that has something under way waits for it.
        let free = others.clone().find(|at| !self.partitions[*at].is_under_way);
        self.chosen = free.or_else(|| others.next()).unwrap_or(self.chosen);
    }
}
