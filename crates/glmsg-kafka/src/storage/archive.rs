//! Bytes of logs that are not held: they are read from the topic again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use glmsg_core::{Error, ErrorKind, Result};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::command::{Command, What};
use crate::connection::Link;
use crate::error::from_kafka;

/// How many records that are not wanted are read rather than skipped: to skip costs a round trip.
const READ_OVER: i64 = 500;

/// A client that reads what stands at given offsets, made when it is first needed.
#[derive(Default)]
pub(super) struct Archive(Mutex<Option<Reader>>);

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Archive")
    }
}

struct Reader {
    consumer: BaseConsumer,
    /// The partition it is at, and the offset that comes next.
    at: Option<(i32, i64)>,
}

impl Archive {
    /// The bytes of appends at these offsets, in ascending order; those that are gone are left out.
    /// Blocks.
    pub(super) fn read(
        &self,
        link: &Link,
        topic: &str,
        partition: i32,
        offsets: &[i64],
    ) -> Result<BTreeMap<i64, Bytes>> {
        let mut reader = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = match reader.take() {
            Some(reader) => reader,
            None => Reader {
                consumer: (link.config().storage_consumer()?.create())
                    .map_err(|e| from_kafka(&e, false))?,
                at: None,
            },
        };
        // One that failed is not used again.
        let found = used.read(topic, partition, offsets, link.config().timeout)?;
        *reader = Some(used);
        Ok(found)
    }
}

impl Reader {
    fn read(
        &mut self,
        topic: &str,
        partition: i32,
        offsets: &[i64],
        timeout: Duration,
    ) -> Result<BTreeMap<i64, Bytes>> {
        let mut found = BTreeMap::new();
        for offset in offsets {
            let is_near = self.at.is_some_and(|(of, next)| {
                of == partition && (next..=next + READ_OVER).contains(offset)
            });
            if !is_near {
                let mut list = TopicPartitionList::with_capacity(1);
                let added = list.add_partition_offset(topic, partition, Offset::Offset(*offset));
                added.map_err(|e| from_kafka(&e, false))?;
                let assigned = self.consumer.assign(&list);
                assigned.map_err(|e| from_kafka(&e, false))?;
                self.at = Some((partition, *offset));
            }
            found.extend(
                self.seek(partition, *offset, timeout)?
                    .map(|b| (*offset, b)),
            );
        }
        Ok(found)
    }

    /// Reads on until this offset.
    fn seek(&mut self, partition: i32, offset: i64, timeout: Duration) -> Result<Option<Bytes>> {
        let (mut last_seen, mut has_ended) = (Instant::now(), false);
        loop {
            if self.at.is_some_and(|(_, next)| next > offset) {
                return Ok(None);
            }
            let record = match self.consumer.poll(Duration::from_millis(100)) {
                None if last_seen.elapsed() > timeout => {
                    let text = "the cluster did not send what stands in a log";
                    return Err(Error::new(ErrorKind::Timeout, text)
                        .with("timeout", format!("{timeout:?}")));
                }
                // Nothing more comes: it was taken out.
                None if has_ended => return Ok(None),
                None => continue,
                // The end, as it was when this was read ahead: more may stand there by now.
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    has_ended = true;
                    continue;
                }
                Some(Err(error)) => return Err(from_kafka(&error, false)),
                Some(Ok(record)) => record,
            };
            last_seen = Instant::now();
            // What was fetched elsewhere before may still come.
            let expected = self.at.map(|(_, next)| next);
            if record.partition() != partition || Some(record.offset()) < expected {
                continue;
            }
            self.at = Some((partition, record.offset() + 1));
            if record.offset() == offset {
                let value = record.payload().map(Bytes::copy_from_slice);
                let command = value.as_ref().and_then(Command::read);
                return Ok(match command.map(|command| command.what) {
                    Some(What::Append(chunk)) => chunk.body,
                    _ => None,
                });
            }
        }
    }
}
