//! What a transactional member's consumer tells of partitions that come and go.

use std::sync::{Mutex, PoisonError};

use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::{ClientContext, TopicPartitionList};

/// What has changed since it was asked last.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Anything but a message was served: there may be more.
    pub(super) has_served: bool,
    /// The group has shared out its partitions: this member belongs to a new generation.
    pub(super) is_assigned: bool,
    /// These are ours no more.
    pub(super) revoked: Vec<(String, i32)>,
}

/// Takes what the consumer tells, on the thread that polls.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<Changes>);

impl Turns {
    fn note(&self, change: impl FnOnce(&mut Changes)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn take(&self) -> Changes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<(String, i32)> {
    let elements = list.elements();
    let each = elements
        .iter()
        .map(|e| (e.topic().to_owned(), e.partition()));
    each.collect()
}

impl ClientContext for Turns {
    fn error(&self, error: KafkaError, reason: &str) {
        self.note(|changes| changes.has_served = true);
        tracing::debug!(%error, reason, "the Kafka client reports");
    }

    fn stats_raw(&self, _: &[u8]) {
        self.note(|changes| changes.has_served = true);
    }
}

impl ConsumerContext for Turns {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.note(|changes| {
            changes.has_served = true;
            match rebalance {
                Rebalance::Assign(_) => changes.is_assigned = true,
                Rebalance::Revoke(list) => changes.revoked.extend(partitions(list)),
                Rebalance::Error(error) => {
                    tracing::debug!(%error, "partitions could not be shared out");
                }
            }
        });
    }
}
