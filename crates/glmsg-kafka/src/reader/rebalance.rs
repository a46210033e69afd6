//! What happens when partitions come and go, and when a commit is answered. All of it runs on the
//! thread that reads, while it polls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, TopicPartitionList};

use super::{offsets_list, role};
use crate::connection::{Committed, committed, ends};
use crate::group::Group;
use crate::inbox::Role;
use crate::window::Window;

/// So many messages of each partition are waited for at first, for the urgent to go first.
const ENOUGH: i64 = 200;
/// Where a partition begins that nothing is committed of.
const EARLIEST: i64 = -2;
/// How long those who have deliveries of a partition that goes away may take to settle them.
const GRACE: Duration = Duration::from_secs(1);

pub(crate) struct Turns {
    group: Weak<Group>,
    is_committing: AtomicBool,
    /// Something was served while polling: there may be more.
    has_served: AtomicBool,
}

impl Turns {
    pub(super) fn new(group: &Arc<Group>) -> Self {
        Self {
            group: Arc::downgrade(group),
            is_committing: AtomicBool::new(false),
            has_served: AtomicBool::new(false),
        }
    }

    /// Whether anything but messages was served since this was asked last. Polling does not tell it
    /// from an empty queue.
    pub(super) fn has_served(&self) -> bool {
        self.has_served.swap(false, SeqCst)
    }

    pub(super) fn is_committing(&self) -> bool {
        self.is_committing.load(SeqCst)
    }

    pub(super) fn begin_commit(&self) {
        self.is_committing.store(true, SeqCst);
    }

    pub(super) fn end_commit(&self) {
        self.is_committing.store(false, SeqCst);
        if let Some(group) = self.group.upgrade() {
            group.nudge();
        }
    }

    fn assigned(&self, group: &Group, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let timeout = group.link.config().timeout;
        let Some(found) = self.find_committed(group, consumer, list) else {
            return;
        };
        // What is there already: the urgent of it goes first. Where it cannot be had, it does not.
        let ends = ends(consumer, list, timeout).unwrap_or_default();
        let mut inbox = group.inbox();
        for element in list.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            let window = match found.get(&(topic.to_owned(), partition)) {
                Some(committed) => Window::new(committed.offset, &committed.metadata),
                None => Window::unknown(),
            };
            let (low, role) = (window.low(), role(group, topic, partition));
            let from = match window.is_known() {
                true => low,
                false => EARLIEST,
            };
            inbox.assign(topic, partition, role, window);
            if let Some(part) = inbox.find(topic, partition) {
                group.intake.begin((topic, partition), from, part);
            }
            let end = ends.get(&(topic.to_owned(), partition)).copied();
            if let Some(end) = end {
                inbox.is_new_from((topic, partition), end);
            }
            let end = end.unwrap_or(low);
            if end > low && role != Role::Later {
                let offset = (end - 1).min(low + ENOUGH);
                inbox.expect((topic, partition), offset, (3, true), group.now());
            }
        }
    }

    /// What is committed, and what was told beside it. It is asked for again while the cluster does not
    /// answer: to begin without it would be to do everything again. None if the group cannot go on.
    fn find_committed(
        &self,
        group: &Group,
        consumer: &BaseConsumer<Self>,
        list: &TopicPartitionList,
    ) -> Option<BTreeMap<(String, i32), Committed>> {
        while !group.is_over() {
            let found = committed(consumer, list.clone(), group.link.config().timeout);
            match found {
                Ok(found) => return Some(found),
                Err(error) if error.is_transient() => {
                    tracing::debug!(%error, "what a group has done of its partitions is asked for again");
                    group.rest(Duration::from_millis(100));
                }
                Err(error) => {
                    group.fail(error.operation("receive"));
                    return None;
                }
            }
        }
        None
    }

    /// Settles nothing more, and waits for what is on its way elsewhere: what arrives there after it is told
    /// how far we are is handled here again, too.
    fn close_off(&self, group: &Group, numbers: &[u64]) {
        group.inbox().close_off(numbers);
        let until = Instant::now() + group.link.config().timeout;
        let is_moving = || {
            let inbox = group.inbox();
            numbers.iter().any(|part| inbox.is_moving(*part))
        };
        while is_moving() && Instant::now() < until {
            group.rest(Duration::from_millis(20));
        }
    }

    fn revoked(&self, group: &Group, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let numbers: Vec<Option<u64>> = {
            let inbox = group.inbox();
            let elements = list.elements();
            let each = elements
                .iter()
                .map(|e| inbox.find(e.topic(), e.partition()));
            each.collect()
        };
        let elements = list.elements();
        for (element, part) in elements.iter().zip(&numbers) {
            if let Some(part) = part {
                let place = (element.topic(), element.partition());
                group.intake.end(place, *part);
            }
        }
        let is_lost = consumer.assignment_lost();
        if is_lost {
            tell_lost(group, list);
        }
        let numbers: Vec<u64> = numbers.into_iter().flatten().collect();
        {
            let mut inbox = group.inbox();
            numbers.iter().for_each(|part| inbox.stop(*part));
        }
        let until = Instant::now() + GRACE;
        while !is_lost && Instant::now() < until {
            let is_busy = {
                let inbox = group.inbox();
                numbers.iter().any(|part| inbox.is_busy(*part))
            };
            if !is_busy {
                break;
            }
            group.rest(Duration::from_millis(20));
        }
        // One that comes late would tell of partitions that are somebody else's.
        let until = Instant::now() + group.link.config().timeout;
        while self.is_committing() && Instant::now() < until {
            group.rest(Duration::from_millis(20));
        }
        // Others may have what was lost already: to commit it would undo their work.
        if !is_lost {
            self.close_off(group, &numbers);
            let (offsets, newest) = {
                let mut inbox = group.inbox();
                (inbox.give_back(&numbers), inbox.newest())
            };
            let done = offsets_list(&offsets).map(|list| match list.count() {
                0 => Ok(()),
                _ => consumer.commit(&list, CommitMode::Sync),
            });
            if let Ok(Err(error)) = &done
                && is_shut_out(error)
            {
                tell_lost(group, list);
            }
            // Partitions that stay were committed, too.
            let mut inbox = group.inbox();
            if matches!(done, Ok(Ok(()))) {
                inbox.are_committed(&offsets, newest);
            } else {
                for (topic, partition, ..) in &offsets {
                    inbox.commit_again(topic, *partition);
                }
                tracing::debug!(
                    ?done,
                    "what was done could not be committed: it comes again"
                );
            }
        }
        let mut inbox = group.inbox();
        numbers.iter().for_each(|part| inbox.revoke(*part));
    }
}

/// Others may have what this process still holds.
fn tell_lost(group: &Group, list: &TopicPartitionList) {
    tracing::warn!(
        group = %group.names.id,
        lost_partitions = list.count(),
        "the group has shut this process out, which was not heard of for its session time-out: what it holds comes again, and goes to others"
    );
}

/// Whether a commit was refused because the group knows the member no more.
fn is_shut_out(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::FencedMemberEpoch
        )
    )
}

impl ClientContext for Turns {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.has_served.store(true, SeqCst);
        DefaultClientContext.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.has_served.store(true, SeqCst);
        tracing::debug!(%error, reason, "the Kafka client reports");
    }
}

impl ConsumerContext for Turns {
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance
            && let Err(error) = consumer.pause(list)
        {
            // It fetches in vain, as what it fetches is passed over.
            tracing::debug!(%error, "partitions could not be paused");
        }
    }

    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.has_served.store(true, SeqCst);
        let Some(group) = self.group.upgrade() else {
            return;
        };
        match rebalance {
            Rebalance::Assign(list) => self.assigned(&group, consumer, list),
            Rebalance::Revoke(list) => self.revoked(&group, consumer, list),
            Rebalance::Error(error) => {
                tracing::debug!(%error, "partitions could not be shared out");
            }
        }
    }
}
