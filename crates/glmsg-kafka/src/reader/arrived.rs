//! Messages that were read and are not in the inbox yet. Many go there at a time: whoever takes
//! from it holds the same lock.

use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;

use super::Reader;
use crate::entry::Entry;
use crate::record;

/// Those of one partition, one after the other.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    from: Option<From>,
    entries: Vec<(i64, Box<Entry>)>,
    /// Something has come.
    pub(super) has_come: bool,
    /// How much has come, in bytes of payload.
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct From {
    topic: String,
    partition: i32,
    /// Our number of it, which it had when it was read: if it was assigned again since, it has
    /// another, and what was read before is read again. None if it is not ours.
    part: Option<u64>,
}

impl Arrived {
    pub(super) fn add(&mut self, reader: &Reader, message: &BorrowedMessage<'_>) {
        let group = &reader.group;
        let (topic, partition) = (message.topic(), message.partition());
        let is_same = |from: &From| from.partition == partition && from.topic == topic;
        if !self.from.as_ref().is_some_and(is_same) {
            self.put(reader);
            self.from = Some(From {
                topic: topic.to_owned(),
                partition,
                part: group.inbox().find(topic, partition),
            });
        }
        self.has_come = true;
        self.bytes += message.payload_len();
        let entry = match topic == group.names.retry {
            true => record::read(message),
            false => record::read_published(&group.topic, message),
        };
        self.entries.push((message.offset(), Box::new(entry)));
    }

    /// Puts them where sources take from.
    pub(super) fn put(&mut self, reader: &Reader) {
        let Some(From {
            topic,
            partition,
            part,
        }) = self.from.take()
        else {
            return;
        };
        let entries = self.entries.drain(..);
        let Some(part) = part else { return };
        let now = reader.group.now();
        let mut inbox = reader.group.inbox();
        for (offset, entry) in entries {
            inbox.come(part, offset, entry, now);
        }
        let is_wide = inbox.is_wide(part, reader.most(), false);
        drop(inbox);
        if is_wide {
            // It is read on when what is at its front is done.
            reader.hold(&topic, partition);
        }
    }
}
