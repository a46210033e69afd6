//! Making messages of the records that were fetched.

use std::collections::VecDeque;
use std::sync::Arc;

use glmsg_core::Error;
use glmsg_kafka_wire::{FetchedBatch, Generation, Iter as RecordsIter, Portion, Records};

use super::arrivals::Arrival;
use super::block::Block;
use super::spent::boxed;
use crate::broker::closed;
use crate::entry::Entry;
use crate::group::Group;
use crate::{read_record, record};

/// The most messages that are made ready between two looks at everything else.
const AT_ONCE: usize = 512;
/// From so many bytes on what was fetched is read on a thread of its own.
const MUCH: usize = 128 * 1024;

/// Where records stand, and as what they are read.
pub(super) type Place<'a> = (&'a Arc<str>, i32, Generation);

/// What is left to be read of a portion.
#[derive(Debug)]
struct Rest {
    batches: VecDeque<FetchedBatch>,
    /// The batch that was begun, without what was read of it.
    begun: Option<Records>,
}

impl Rest {
    fn size(&self) -> usize {
        let begun = self.begun.as_ref().map_or(0, Records::size);
        begun + self.batches.iter().map(FetchedBatch::size).sum::<usize>()
    }

    /// The batch to be read next, if there is one.
    fn next(&mut self) -> Option<Result<Records, Error>> {
        let begun = self.begun.take().map(Ok);
        begun.or_else(|| Some(self.batches.pop_front()?.records()))
    }
}

impl Group {
    /// Puts what was fetched where it is handed over. Waits for room meanwhile.
    pub(super) async fn take_records(
        self: &Arc<Self>,
        (topic, partition, generation): Place<'_>,
        portion: Portion,
    ) {
        let mut rest = Some(Rest {
            batches: portion.batches.into(),
            begun: None,
        });
        while let Some(some) = rest {
            self.intake.wait_for_room().await;
            if some.size() < MUCH {
                rest = self.read((topic, partition, generation), some);
                continue;
            }
            // The runtime has a task that was woken wait for the one that woke it: who takes messages would
            // stand still while more are made. The thread waits for nothing, as those of a runtime may be few.
            let (group, of) = (Arc::clone(self), Arc::clone(topic));
            let reading = self
                .runtime
                .spawn_blocking(move || group.read((&of, partition, generation), some));
            rest = reading.await.unwrap_or_else(|_| {
                self.cannot_read((topic, partition), generation, closed());
                None
            });
        }
    }

    /// Reads until there is no room, and returns what is left; nothing if no more of it is wanted.
    fn read(&self, (topic, partition, generation): Place<'_>, mut rest: Rest) -> Option<Rest> {
        let mut block = Block::default();
        while let Some(records) = rest.next() {
            let records = match records {
                Ok(records) => records,
                Err(error) => {
                    self.cannot_read((topic, partition), generation, error);
                    return None;
                }
            };
            let mut all = records.iter();
            loop {
                let (entries, failure) = self.read_some((topic, partition), &mut all, &mut block);
                let is_more = entries.len() == AT_ONCE;
                let last = entries.last().filter(|_| is_more);
                let next = last.map(|(offset, _)| offset + 1);
                let arrival = Arrival {
                    topic: Arc::clone(topic),
                    partition,
                    generation,
                    bytes: entries.iter().map(|(_, entry)| entry.size()).sum(),
                    entries,
                };
                if !self.add(arrival) {
                    return None;
                }
                if let Some(error) = failure {
                    self.cannot_read((topic, partition), generation, error);
                    return None;
                }
                if !self.intake.has_room() {
                    rest.begun = next.map(|next| records.starting_at(next));
                    return Some(rest);
                }
                if !is_more {
                    break;
                }
            }
        }
        None
    }

    /// Something stands in a partition that is no record, or none that this build can read. Nobody knows what
    /// would be passed over with it, so the group goes no further.
    fn cannot_read(&self, (topic, partition): (&str, i32), generation: Generation, error: Error) {
        // What comes after it would have it count as done.
        self.intake.arrivals.stop(generation);
        self.fail(error.with("topic", topic).with("partition", partition));
    }

    /// Has sources know that something has arrived. False if no more of its partition is wanted.
    fn add(&self, arrival: Arrival) -> bool {
        let intake = &self.intake;
        let mut entries = arrival.entries.iter();
        let has_times = entries.any(|(_, entry)| entry.due.is_some());
        if !intake.arrivals.add(&intake.fetcher, arrival) {
            return false;
        }
        self.offer();
        // The thread moves on what waits for its time.
        if has_times {
            self.nudge();
        }
        true
    }

    /// Reads a few records, and what is wrong with the one after them.
    fn read_some(
        &self,
        (topic, partition): (&str, i32),
        all: &mut RecordsIter<'_>,
        block: &mut Block,
    ) -> (Vec<(i64, Box<Entry>)>, Option<Error>) {
        let comes_back = topic == self.names.retry;
        let mut entries = Vec::with_capacity(AT_ONCE);
        let mut spent = self.intake.spent.take();
        for record in all.take(AT_ONCE) {
            let record = match record {
                Ok(record) => record,
                Err(error) => return (entries, Some(error)),
            };
            let offset = record.offset;
            let payload = block.keep(record.value.unwrap_or_default());
            let fetched = read_record::Fetched {
                topic,
                partition,
                record,
                payload,
            };
            let entry = match comes_back {
                true => record::read(&fetched),
                false => record::read_published(&self.topic, &fetched),
            };
            entries.push((offset, boxed(entry, &mut spent)));
        }
        (entries, None)
    }
}
