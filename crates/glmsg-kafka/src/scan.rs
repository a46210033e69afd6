//! Reading partitions without a group.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use glmsg_core::{Error, ErrorKind, Result};
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Offset, TopicPartitionList};

use crate::connection::{Link, close_later};
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
        let is_some = |range: &&Range| range.from < range.to && range.most > 0;
        let mut topics: BTreeMap<&str, Vec<&Range>> = BTreeMap::new();
        for range in ranges.iter().filter(is_some) {
            topics.entry(&range.topic).or_default().push(range);
        }
        if topics.is_empty() {
            return Ok(());
        }
        let mut config = self.config().consumer("glmsg-scan")?;
        // A partition that begins to be read while another is waited for is not read before that.
        config.set("fetch.wait.max.ms", "20");
        let consumer: BaseConsumer = config.create().map_err(|e| from_kafka(&e, false))?;
        // One after the other, as the end of a partition is told without its topic.
        let mut topics = topics.into_iter();
        let done = topics
            .try_for_each(|(topic, ranges)| self.scan_topic(&consumer, topic, &ranges, &mut see));
        close_later(consumer);
        done
    }

    fn scan_topic(
        &self,
        consumer: &BaseConsumer,
        topic: &str,
        ranges: &[&Range],
        see: &mut impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<()> {
        let mut left: HashMap<i32, (i64, usize)> = HashMap::new();
        let mut list = TopicPartitionList::with_capacity(ranges.len());
        for range in ranges {
            left.insert(range.partition, (range.to, range.most));
            let offset = Offset::Offset(range.from);
            let added = list.add_partition_offset(topic, range.partition, offset);
            added.map_err(|e| from_kafka(&e, false))?;
        }
        consumer.assign(&list).map_err(|e| from_kafka(&e, false))?;
        let timeout = self.config().timeout;
        let mut last_seen = Instant::now();
        while !left.is_empty() {
            let message = match consumer.poll(Duration::from_millis(100)) {
                None if last_seen.elapsed() > timeout => return Err(silence(timeout)),
                None => continue,
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    left.remove(&partition);
                    last_seen = Instant::now();
                    continue;
                }
                Some(Err(error)) => {
                    let error = from_kafka(&error, false);
                    // A connection that is lost comes back.
                    if error.is_transient() && last_seen.elapsed() <= timeout {
                        tracing::debug!(%error, "reading a partition goes on");
                        continue;
                    }
                    return Err(error);
                }
                Some(Ok(message)) => message,
            };
            last_seen = Instant::now();
            // What was fetched of the topic before may still come.
            let Some((to, most)) = left.get_mut(&message.partition()) else {
                continue;
            };
            if message.topic() != topic {
                continue;
            }
            if message.offset() < *to {
                see(&message);
                *most -= 1;
            }
            if message.offset() + 1 >= *to || *most == 0 {
                left.remove(&message.partition());
            }
        }
        Ok(())
    }
}

fn silence(timeout: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        "the cluster did not send what stands in a partition",
    )
    .with("timeout", format!("{timeout:?}"))
}
