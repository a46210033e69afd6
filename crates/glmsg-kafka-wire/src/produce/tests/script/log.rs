//! The log of a partition, and what it holds against a batch: the rule of Kafka's brokers.

use std::collections::{HashMap, VecDeque};

use crate::Compression;
use crate::record::{Batches, Header};

/// A sequence that does not follow.
const OUT_OF_ORDER: i16 = 45;
/// An epoch that is over.
const INVALID_EPOCH: i16 = 47;
/// How many of the last batches of a producer are known again.
const KNOWN: usize = 5;

/// A batch as it was sent.
#[derive(Debug, Clone)]
pub(in crate::produce::tests) struct Sent {
    pub(in crate::produce::tests) node: i32,
    pub(in crate::produce::tests) connection: u64,
    pub(in crate::produce::tests) partition: i32,
    pub(in crate::produce::tests) values: Vec<String>,
    pub(in crate::produce::tests) found: Found,
    pub(in crate::produce::tests) compression: Compression,
    /// Its producer, and the epoch.
    pub(in crate::produce::tests) producer: (i64, i16),
    pub(in crate::produce::tests) sequence: i32,
    pub(super) size: usize,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::produce::tests) enum Found {
    /// It was stored, beginning here.
    Stored(i64),
    /// It is one that was stored here before.
    Again(i64),
    /// It was refused, with this code.
    Refused(i16),
    /// The script had it ignored.
    Ignored,
}

impl Sent {
    /// Reads the one batch of these bytes, and looks whether it is as it must be.
    pub(super) fn read(node: i32, connection: u64, partition: i32, bytes: bytes::Bytes) -> Self {
        let mut batches = Batches::new(bytes);
        let batch = batches.next().unwrap().unwrap();
        assert!(batches.next().is_none() && batches.left().is_empty());
        batch.check().unwrap();
        let header: Header = *batch.header();
        assert!(!header.is_transactional && !header.is_control);
        let records = batch.open(1 << 28).unwrap();
        let each = records.iter().map(|record| {
            let value = record.unwrap().value.unwrap_or_default();
            String::from_utf8(value.to_vec()).unwrap()
        });
        let values: Vec<_> = each.collect();
        let last = header.last_offset - header.base_offset;
        assert_eq!(values.len() as u64, u64::from(header.count));
        assert_eq!(last + 1, i64::from(header.count));
        Self {
            node,
            connection,
            partition,
            values,
            found: Found::Ignored,
            compression: header.compression,
            producer: (header.producer_id, header.producer_epoch),
            sequence: header.base_sequence,
            size: batch.size(),
        }
    }

    /// Who sent it, and as which: what is the same when it is sent again.
    pub(in crate::produce::tests) fn place(&self) -> (i64, i16, i32) {
        (self.producer.0, self.producer.1, self.sequence)
    }
}

/// The log of a partition.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) values: Vec<String>,
    producers: HashMap<i64, Had>,
}

/// What a producer has sent.
#[derive(Debug)]
struct Had {
    epoch: i16,
    /// First and last sequence, and where it begins.
    batches: VecDeque<(i32, i32, i64)>,
}

impl Log {
    pub(super) fn append(&mut self, sent: &Sent) -> Found {
        let offset = i64::try_from(self.values.len()).unwrap();
        let (producer, epoch) = sent.producer;
        if producer >= 0 {
            let (first, last) = (sent.sequence, plus(sent.sequence, sent.values.len() - 1));
            let known = self.producers.get(&producer);
            match known {
                Some(had) if epoch < had.epoch => return Found::Refused(INVALID_EPOCH),
                Some(had) if epoch > had.epoch && first != 0 => {
                    return Found::Refused(OUT_OF_ORDER);
                }
                Some(had) if epoch == had.epoch => {
                    let mut all = had.batches.iter();
                    if let Some(same) = all.find(|had| (had.0, had.1) == (first, last)) {
                        return Found::Again(same.2);
                    }
                    let before = had.batches.back().map_or(-1, |had| had.1);
                    if plus(before, 1) != first {
                        return Found::Refused(OUT_OF_ORDER);
                    }
                }
                // One that is not known may begin anywhere.
                _ => {}
            }
            let had = self.producers.entry(producer).or_insert(Had {
                epoch,
                batches: VecDeque::new(),
            });
            if had.epoch != epoch {
                (had.epoch, had.batches) = (epoch, VecDeque::new());
            }
            had.batches.push_back((first, last, offset));
            if had.batches.len() > KNOWN {
                had.batches.pop_front();
            }
        }
        self.values.extend(sent.values.iter().cloned());
        Found::Stored(offset)
    }
}

/// Sequences begin at 0 again after the largest.
fn plus(sequence: i32, count: usize) -> i32 {
    let sum = i64::from(sequence) + i64::try_from(count).unwrap();
    i32::try_from(sum % (1 << 31)).unwrap()
}
