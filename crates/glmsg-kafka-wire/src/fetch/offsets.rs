//! Where a partition begins and ends.

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, ListOffsetsResponse};
use tokio::time::Instant;

use super::fetched::What;
use super::slot::Place;
use super::state::{Node, State};

/// The version of the request that is asked with, at most.
pub(super) const VERSION: i16 = 7;

/// What stands for the earliest offset, and for the latest.
const EARLIEST: i64 = -2;
const LATEST: i64 = -1;

/// Whose offset is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought {
    generation: u64,
    place: Place,
}

impl State {
    /// A request for places that are not known by their offset, and whose they are in its order.
    pub(super) fn plan_offsets(
        &mut self,
        node: &Node,
        read_committed: bool,
    ) -> Option<(ListOffsetsRequest, Vec<Sought>)> {
        if node.run != self.run {
            return None;
        }
        let now = Instant::now();
        let mut sought = Vec::new();
        let mut topics = Vec::new();
        for slot in self.slots.values() {
            let timestamp = match slot.place {
                Place::At(_) => continue,
                Place::Earliest(_) => EARLIEST,
                Place::Latest => LATEST,
            };
            let is_due = !slot.is_paused && slot.fetching.pending(now).is_none();
            if slot.leader != Some(node.number) || !is_due {
                continue;
            }
            sought.push(Sought {
                generation: slot.generation,
                place: slot.place,
            });
            let partition = ListOffsetsPartition::default()
                .with_partition_index(slot.partition)
                .with_timestamp(timestamp);
            match topics
                .iter_mut()
                .find(|t: &&mut ListOffsetsTopic| t.name == slot.name)
            {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(
                    ListOffsetsTopic::default()
                        .with_name(slot.name.clone())
                        .with_partitions(vec![partition]),
                ),
            }
        }
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_isolation_level(i8::from(read_committed))
            .with_topics(topics);
        (!sought.is_empty()).then_some((request, sought))
    }

    /// Takes up where partitions begin or end.
    pub(super) fn settle_offsets(
        &mut self,
        node: &Node,
        sought: &[Sought],
        answer: &ListOffsetsResponse,
    ) {
        if node.run != self.run {
            return;
        }
        for one in sought {
            let Some(slot) = self.slots.get_mut(&one.generation) else {
                continue;
            };
            if slot.place != one.place {
                continue;
            }
            let all = answer.topics.iter().filter(|topic| topic.name == slot.name);
            let mut all = all.flat_map(|topic| &topic.partitions);
            let found = all.find(|found| found.partition_index == slot.partition);
            self.found_offset(one.generation, found);
        }
    }

    fn found_offset(&mut self, generation: u64, found: Option<&ListOffsetsPartitionResponse>) {
        let Some(slot) = self.slots.get_mut(&generation) else {
            return;
        };
        match found {
            Some(found) if found.error_code != 0 => self.fail(generation, found.error_code),
            Some(found) if found.offset >= 0 => {
                let before = slot.place;
                slot.place = Place::At(found.offset);
                slot.handed = slot.place;
                if let Place::Earliest(Some(asked)) = before {
                    let earliest = found.offset;
                    if earliest == asked {
                        // It is there and is not: the broker has yet to find out.
                        slot.fetching.grow();
                    }
                    self.put(generation, What::Moved { asked, earliest }, 0);
                }
            }
            _ => {
                slot.fetching.grow();
            }
        }
    }
}
