//! Making messages of the records that were fetched.

use std::sync::Arc;

use glmsg_broker::CancellationToken;
use glmsg_core::Error;
use glmsg_kafka_wire::{FetchedBatch, Generation, Iter as RecordsIter, Portion};

use super::arrivals::Arrival;
use super::block::Block;
use crate::broker::closed;
use crate::entry::Entry;
use crate::group::Group;
use crate::{read_record, record};

/// The most messages that are made ready between two looks at everything else.
const AT_ONCE: usize = 128;
/// From so many bytes on what was fetched is read on a thread of its own.
const MUCH: usize = 128 * 1024;

/// Where records stand, and as what they are read.
type Place<'a> = (&'a Arc<str>, i32, Generation);

impl Group {
    /// Puts what was fetched where it is handed over. Waits for room meanwhile.
    pub(super) async fn take_records(self: &Arc<Self>, place: Place<'_>, portion: Portion) {
        let size: usize = portion.batches.iter().map(FetchedBatch::size).sum();
        match size < MUCH {
            true => self.read_all(place, portion.batches).await,
            false => self.read_beside(place, portion.batches).await,
        }
    }

    /// As [`read_all`](Self::read_all), on a thread of its own.
    ///
    /// The runtime has a task that was woken wait for the one that woke it, so that who takes messages
    /// would stand still while more are made.
    async fn read_beside(
        self: &Arc<Self>,
        (topic, partition, generation): Place<'_>,
        batches: Vec<FetchedBatch>,
    ) {
        let stop = CancellationToken::new();
        // If nobody waits for the thread any more, as the group is over or the runtime, it waits for no
        // room: a runtime does not end before its threads.
        let _stopping = stop.clone().drop_guard();
        let (group, handle, of) = (Arc::clone(self), self.runtime.clone(), Arc::clone(topic));
        let reading = self.runtime.spawn_blocking(move || {
            handle.block_on(async {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = group.read_all((&of, partition, generation), batches) => {}
                }
            });
        });
        if reading.await.is_err() {
            self.cannot_read((topic, partition), generation, closed());
        }
    }

    async fn read_all(
        &self,
        (topic, partition, generation): Place<'_>,
        batches: Vec<FetchedBatch>,
    ) {
        let mut block = Block::default();
        for batch in batches {
            let records = match batch.records() {
                Ok(records) => records,
                Err(error) => return self.cannot_read((topic, partition), generation, error),
            };
            let mut all = records.iter();
            loop {
                let (entries, failure) = self.read_some((topic, partition), &mut all, &mut block);
                let is_more = entries.len() == AT_ONCE;
                let arrival = Arrival {
                    topic: Arc::clone(topic),
                    partition,
                    generation,
                    bytes: entries.iter().map(|(_, entry)| entry.size()).sum(),
                    entries,
                };
                if !self.add(arrival) {
                    return;
                }
                if let Some(error) = failure {
                    return self.cannot_read((topic, partition), generation, error);
                }
                if !is_more {
                    break;
                }
                self.intake.wait_for_room().await;
            }
        }
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
    ) -> (Vec<(i64, Entry)>, Option<Error>) {
        let comes_back = topic == self.names.retry;
        let mut entries = Vec::with_capacity(AT_ONCE);
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
            entries.push((offset, entry));
        }
        (entries, None)
    }
}
