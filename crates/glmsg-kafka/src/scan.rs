//! Reading partitions without a group.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use glmsg_core::{Error, ErrorKind, Result};
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Offset, TopicPartitionList};

use crate::connection::Link;
use crate::error::from_kafka;

/// What to read of a partition: the offsets from one to before another, and no more than so many
/// messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) most: usize,
}

impl Link {
    /// Reads ranges, each in its order. Blocks.
    pub(crate) fn scan(
        &self,
        ranges: &[Range],
        mut see: impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<()> {
        let mut left: HashMap<(&str, i32), (i64, usize)> = HashMap::new();
        let mut list = TopicPartitionList::with_capacity(ranges.len());
        for range in ranges.iter().filter(|r| r.from < r.to && r.most > 0) {
            left.insert((&range.topic, range.partition), (range.to, range.most));
            let offset = Offset::Offset(range.from);
            let added = list.add_partition_offset(&range.topic, range.partition, offset);
            added.map_err(|e| from_kafka(&e, false))?;
        }
        if left.is_empty() {
            return Ok(());
        }
        let made = self.config().consumer("glmsg-scan")?.create();
        let consumer: Arc<BaseConsumer> = Arc::new(made.map_err(|e| from_kafka(&e, false))?);
        consumer.assign(&list).map_err(|e| from_kafka(&e, false))?;
        // Apart from one another, as the end of a partition is told without its topic.
        let queues: Vec<_> = left
            .keys()
            .filter_map(|(topic, partition)| {
                let queue = consumer.split_partition_queue(topic, *partition)?;
                Some(((*topic, *partition), queue))
            })
            .collect();
        let mut last_seen = Instant::now();
        let timeout = self.config().timeout;
        while !left.is_empty() {
            // What came before the queues were apart.
            let mut came = consumer
                .poll(Duration::ZERO)
                .into_iter()
                .collect::<Vec<_>>();
            for (partition, queue) in &queues {
                if !left.contains_key(partition) {
                    continue;
                }
                let wait = if came.is_empty() {
                    Duration::from_millis(5)
                } else {
                    Duration::ZERO
                };
                match queue.poll(wait) {
                    Some(Err(KafkaError::PartitionEOF(_))) => {
                        left.remove(partition);
                        last_seen = Instant::now();
                    }
                    other => came.extend(other),
                }
            }
            for message in came {
                let message = match message {
                    Ok(message) => message,
                    Err(KafkaError::PartitionEOF(_)) => continue,
                    Err(error) => return Err(from_kafka(&error, false)),
                };
                last_seen = Instant::now();
                let is_it = |(topic, partition): &(&str, i32)| {
                    *topic == message.topic() && *partition == message.partition()
                };
                let Some(partition) = left.keys().find(|key| is_it(key)).copied() else {
                    continue;
                };
                let Some((to, most)) = left.get_mut(&partition) else {
                    continue;
                };
                if message.offset() < *to {
                    see(&message);
                    *most -= 1;
                }
                if message.offset() + 1 >= *to || *most == 0 {
                    left.remove(&partition);
                }
            }
            if last_seen.elapsed() > timeout {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    "the cluster did not send what stands in a partition",
                )
                .with("timeout", format!("{timeout:?}")));
            }
        }
        Ok(())
    }
}
