//! The consumer of a transactional member. All of it runs on the member's thread.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{ErrorKind, Result, Timestamp};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::instance;
use super::options::TransactionalOptions;
use super::rebalance::Turns;
use super::state::{Desk, Held, Part};
use crate::absence::Reason;
use crate::config::GroupProtocol;
use crate::connection::{Committed, committed};
use crate::error::from_kafka;
use crate::{record, retry};

/// The most messages that are read between two looks at everything else.
const AT_ONCE: usize = 500;
/// The most messages that wait to be taken.
const MOST_READY: usize = 8_000;

pub(super) struct Intake {
    consumer: BaseConsumer<Turns>,
    /// Who this is in the group. Taken when partitions were shared out, as a member that the group
    /// has shut out is nobody, and of nobody the cluster takes any offset.
    member: Option<ConsumerGroupMetadata>,
    is_paused: bool,
    /// What stands in a tier and has not been there for long enough, in its order.
    waiting: BTreeMap<Part, VecDeque<(Timestamp, Held)>>,
}

/// What became of partitions while polling.
#[derive(Debug, Default)]
pub(super) struct Turned {
    /// There may be more to read.
    pub(super) has_read: bool,
    /// These are ours no more.
    pub(super) gone: Vec<Part>,
}

impl Intake {
    pub(super) fn open(desk: &Arc<Desk>, options: &TransactionalOptions) -> Result<Self> {
        let config = desk.link.config();
        let mut client = config.consumer(&desk.names.id)?;
        if let Some(instance) = instance(config, &options.member) {
            client.set("group.instance.id", instance);
        }
        let made = client.create_with_context(Turns::default());
        let mut consumer: BaseConsumer<Turns> = made.map_err(|e| from_kafka(&e, false))?;
        let waker = Arc::downgrade(desk);
        consumer.set_nonempty_callback(move || {
            if let Some(desk) = waker.upgrade() {
                desk.bell.ring();
            }
        });
        let topics: Vec<&str> = desk.topics.iter().map(String::as_str).collect();
        consumer
            .subscribe(&topics)
            .map_err(|e| from_kafka(&e, false))?;
        Ok(Self {
            consumer,
            member: None,
            is_paused: false,
            waiting: BTreeMap::new(),
        })
    }

    /// Who this is in the group, for the cluster to tell whether it is still.
    pub(super) fn member(&mut self, protocol: GroupProtocol) -> Option<&ConsumerGroupMetadata> {
        // There the epoch of a member changes without a word, and one that is shut out stays who
        // it was.
        if protocol == GroupProtocol::Consumer {
            self.identify();
        }
        self.member.as_ref()
    }

    fn identify(&mut self) {
        let member = self.consumer.group_metadata();
        // Asked afterwards: if it is not lost now, it was not then.
        self.member = member.filter(|_| !self.consumer.assignment_lost());
    }

    /// Polls: reads what has come, and learns of partitions that come and go. What is read is kept
    /// only if `keeps`.
    pub(super) fn poll(&mut self, desk: &Arc<Desk>, keeps: bool) -> Turned {
        let mut turned = Turned::default();
        self.make_room(desk);
        for _ in 0..AT_ONCE {
            let polled = match self.consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    let held = held(desk, &message);
                    Some(held.filter(|_| keeps))
                }
                Some(Err(error)) => {
                    heed(desk, &error);
                    Some(None)
                }
                None => None,
            };
            let changes = self.consumer.context().take();
            if changes.is_assigned {
                self.identify();
            }
            let each = changes.revoked.iter();
            let gone = each.filter_map(|(topic, partition)| desk.part(topic, *partition));
            turned.gone.extend(gone);
            match polled {
                Some(Some(held)) => self.keep(desk, held),
                Some(None) => {}
                None if changes.has_served => {}
                None => return turned,
            }
        }
        turned.has_read = true;
        turned
    }

    fn keep(&mut self, desk: &Desk, held: Held) {
        let part = held.place.0;
        let leaves = match held.entry.due {
            Some(due) if desk.is_retry(part) => retry::leaves(part.1, held.entry.arrived_at, due),
            _ => Timestamp::EPOCH,
        };
        if leaves > desk.now() || self.waiting.contains_key(&part) {
            self.waiting
                .entry(part)
                .or_default()
                .push_back((leaves, held));
            self.hold(desk, part, true);
        } else {
            desk.state().push(held);
        }
    }

    /// Hands on what has waited for long enough. Tells when there will be more.
    pub(super) fn release(&mut self, desk: &Desk) -> Option<Timestamp> {
        let now = desk.now();
        let mut free = Vec::new();
        let mut state = desk.state();
        for (part, waiting) in &mut self.waiting {
            while waiting.front().is_some_and(|(leaves, _)| *leaves <= now)
                && let Some((_, held)) = waiting.pop_front()
            {
                state.push(held);
            }
            if waiting.is_empty() {
                free.push(*part);
            }
        }
        drop(state);
        for part in free {
            self.waiting.remove(&part);
            self.hold(desk, part, false);
        }
        let firsts = self.waiting.values().filter_map(VecDeque::front);
        firsts.map(|(leaves, _)| *leaves).min()
    }

    fn hold(&self, desk: &Desk, (topic, partition): Part, is_held: bool) {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&desk.topics[topic], partition);
        let done = match is_held {
            true => self.consumer.pause(&list),
            // All are paused: it goes on with them.
            false if self.is_paused => Ok(()),
            false => self.consumer.resume(&list),
        };
        if let Err(error) = done {
            tracing::debug!(%error, "a partition could not be paused or resumed");
        }
    }

    /// Pauses all partitions while more waits to be taken than there is room for.
    fn make_room(&mut self, desk: &Desk) {
        let most = desk.link.config().read_buffer;
        let (bytes, count) = {
            let state = desk.state();
            (state.bytes, state.count)
        };
        let should_pause = match self.is_paused {
            true => bytes > most / 2 || count > MOST_READY / 2,
            false => bytes > most || count > MOST_READY,
        };
        if should_pause == self.is_paused {
            return;
        }
        let done = self
            .consumer
            .assignment()
            .and_then(|all| match should_pause {
                true => self.consumer.pause(&all),
                false => self.consumer.resume(&all),
            });
        match done {
            Ok(()) => self.is_paused = should_pause,
            Err(error) => tracing::debug!(%error, "partitions could not be paused or resumed"),
        }
    }

    /// Forgets partitions that are ours no more.
    pub(super) fn forget(&mut self, gone: &[Part]) {
        self.waiting.retain(|part, _| !gone.contains(part));
    }

    /// What the group has committed of these partitions, where it has.
    pub(super) fn committed(
        &self,
        desk: &Desk,
        parts: impl Iterator<Item = Part>,
    ) -> Result<BTreeMap<Part, Committed>> {
        let mut asked = TopicPartitionList::new();
        for (topic, partition) in parts {
            asked.add_partition(&desk.topics[topic], partition);
        }
        let found = committed(&self.consumer, asked, desk.link.config().timeout)?;
        let each = found.into_iter().filter_map(|((topic, partition), it)| {
            let part = desk.part(&topic, partition)?;
            Some((part, it))
        });
        Ok(each.collect())
    }

    /// Goes back to what the group has committed. What was read before and not taken is to be
    /// forgotten by the caller.
    pub(super) fn rewind(&mut self, desk: &Desk) -> Result<()> {
        let timeout = desk.link.config().timeout;
        let wrong = |e: KafkaError| from_kafka(&e, false);
        self.waiting.clear();
        let all = self.consumer.assignment().map_err(wrong)?;
        if all.count() == 0 {
            return Ok(());
        }
        let found = committed(&self.consumer, all.clone(), timeout)?;
        let mut to = TopicPartitionList::with_capacity(all.count());
        for element in all.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            let offset = found.get(&(topic.to_owned(), partition));
            let offset = offset.map_or(Offset::Beginning, |at| Offset::Offset(at.offset));
            to.add_partition_offset(topic, partition, offset)
                .map_err(wrong)?;
        }
        let sought = self.consumer.seek_partitions(to, timeout).map_err(wrong)?;
        for element in sought.elements() {
            element.error().map_err(wrong)?;
        }
        self.consumer.resume(&all).map_err(wrong)?;
        self.is_paused = false;
        let mut state = desk.state();
        for ((topic, partition), at) in &found {
            let part = desk.part(topic, *partition);
            // What is not known is asked for when it is needed.
            if let Some(standing) = part.and_then(|part| state.parts.get_mut(&part)) {
                standing.learn(Some(at), at.offset);
            }
        }
        Ok(())
    }
}

fn held(desk: &Desk, message: &BorrowedMessage<'_>) -> Option<Held> {
    let part = desk.part(message.topic(), message.partition())?;
    let entry = match desk.is_retry(part) {
        true => record::read(message),
        false => record::read_published(&desk.topic, message),
    };
    Some(Held {
        place: (part, message.offset()),
        entry: Box::new(entry),
    })
}

fn heed(desk: &Arc<Desk>, error: &KafkaError) {
    match error {
        KafkaError::PartitionEOF(_) => {}
        KafkaError::MessageConsumption(
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition,
        ) => desk.see_whether_it_is_there(Reason::Report),
        error => {
            tracing::debug!(%error, "reading failed");
            let is_fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
            let error = from_kafka(error, false);
            if is_fatal || error.kind() == ErrorKind::PermissionDenied {
                desk.fail(error);
            }
        }
    }
}
