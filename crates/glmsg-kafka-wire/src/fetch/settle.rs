//! What an answer changes.

use std::sync::atomic::Ordering::Relaxed;

use kafka_protocol::messages::FetchResponse;
use kafka_protocol::messages::fetch_response::PartitionData;

use super::code::{self, Meaning};
use super::fetched::What;
use super::session::Session;
use super::sift::{Arrival, reach};
use super::slot::{Place, Told};
use super::state::{Node, State};

impl State {
    /// Takes up an answer: places move on, and what came with it is to be handed over.
    pub(super) fn settle(
        &mut self,
        node: &Node,
        session: &Session,
        answer: FetchResponse,
    ) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        if node.run != self.run {
            return arrivals;
        }
        for topic in answer.responses {
            for partition in topic.partitions {
                let generations = self.index.get(topic.topic.as_str());
                let generation =
                    generations.and_then(|all| all.get(&partition.partition_index).copied());
                // What is assigned anew was not asked for yet.
                let asked = generation.and_then(|g| Some((g, session.find(g)?)));
                arrivals.extend(asked.and_then(|asked| self.settle_one(node, asked, partition)));
            }
        }
        arrivals
    }

    /// An answer came, or none will: nothing is waited for any more.
    pub(super) fn polled(&mut self, node: &Node, session: &Session) {
        if node.run != self.run {
            return;
        }
        node.is_polling.store(false, Relaxed);
        for generation in session.asked() {
            if let Some(slot) = self.slots.get_mut(&generation) {
                slot.polled = None;
            }
        }
    }

    fn settle_one(
        &mut self,
        node: &Node,
        (generation, from): (u64, i64),
        mut partition: PartitionData,
    ) -> Option<Arrival> {
        let served = self.served + 1;
        let slot = self.slots.get_mut(&generation)?;
        // It has come by another way, or is to be read from elsewhere.
        let is_late = slot.arriving > 0 && slot.server != node.number;
        if slot.place != Place::At(from) || is_late {
            return None;
        }
        if partition.error_code != 0 {
            self.fail(generation, partition.error_code);
            return None;
        }
        slot.succeed();
        slot.log_start = partition.log_start_offset;
        slot.high_watermark = partition.high_watermark;
        slot.last_stable = partition.last_stable_offset;
        let bytes = partition.records.take().unwrap_or_default();
        if bytes.is_empty() && slot.is_known {
            return None;
        }
        let reach = reach(&bytes, from);
        if reach.is_cut {
            slot.starved += 1;
            if slot.starved > 2 {
                // It went first, and there was no room all the same.
                slot.fetching.grow();
            }
            return None;
        }
        slot.starved = 0;
        slot.served = served;
        slot.place = Place::At(reach.next);
        slot.arriving += 1;
        slot.server = node.number;
        self.served = served;
        self.arrive(bytes.len());
        Some(Arrival {
            generation,
            from,
            bytes,
            aborted: partition.aborted_transactions.unwrap_or_default(),
            high_watermark: partition.high_watermark,
            last_stable: partition.last_stable_offset,
        })
    }

    /// A broker did not serve a partition.
    pub(super) fn fail(&mut self, generation: u64, code: i16) {
        let Some(slot) = self.slots.get_mut(&generation) else {
            return;
        };
        tracing::debug!(
            topic = &*slot.topic,
            partition = slot.partition,
            code = code::name(code),
            "a partition is not served"
        );
        let meaning = code::meaning(code, &slot.topic);
        if !matches!(meaning, Meaning::OutOfRange) {
            slot.fetching.grow();
        }
        match meaning {
            Meaning::OutOfRange => {
                let asked = match slot.place {
                    Place::At(offset) => Some(offset),
                    _ => None,
                };
                slot.place = Place::Earliest(asked);
            }
            // Whether it is there at all is told by who is asked for its leader.
            Meaning::NoLeader | Meaning::Unknown => slot.in_doubt = true,
            Meaning::Refused(error) => {
                self.tell(generation, Told::Refused, What::Refused(error));
            }
            Meaning::Later => {}
        }
    }
}
