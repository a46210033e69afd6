//! The request that carries batches.

use std::time::Duration;

use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, TopicName};

use crate::produce::Shared;
use crate::produce::batch::Batch;
use crate::produce::state::At;

/// Stored by all copies that are in sync.
const ALL: i16 = -1;

/// One request for all of these.
pub(super) fn build(
    shared: &Shared,
    batches: &mut [(At, Batch)],
    timeout: Duration,
) -> ProduceRequest {
    batches.sort_by_key(|(at, _)| *at);
    let names: Vec<TopicName> = {
        let state = shared.state();
        batches.iter().map(|(at, _)| state.name(*at)).collect()
    };
    let mut topics: Vec<TopicProduceData> = Vec::new();
    let mut last = None;
    for ((at, batch), name) in batches.iter_mut().zip(names) {
        if last != Some(at.0) {
            topics.push(TopicProduceData::default().with_name(name));
            last = Some(at.0);
        }
        if let Some(topic) = topics.last_mut() {
            let data = PartitionProduceData::default()
                .with_index(i32::try_from(at.1).unwrap_or(i32::MAX))
                .with_records(Some(batch.seal(shared.settings.compression)));
            topic.partition_data.push(data);
        }
    }
    ProduceRequest::default()
        .with_acks(ALL)
        .with_timeout_ms(i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX))
        .with_topic_data(topics)
}
