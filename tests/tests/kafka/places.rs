//! Where a topic's messages stand, and how far a group is, as any client of Kafka's sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::Message as _;
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Headers as _;

use crate::raw::client;

const PATIENCE: Duration = Duration::from_secs(30);

/// Where something stands: the partition and the offset.
pub(crate) type Place = (i32, i64);

/// What a group has committed of a topic, by partition.
pub(crate) fn committed(client: &BaseConsumer, topic: &str) -> BTreeMap<i32, i64> {
    let Ok(found) = client.fetch_metadata(Some(topic), PATIENCE) else {
        return BTreeMap::new();
    };
    let mut list = rdkafka::TopicPartitionList::new();
    for partition in found.topics().iter().flat_map(|topic| topic.partitions()) {
        list.add_partition(topic, partition.id());
    }
    // While its coordinator moves a group has no answer.
    let Ok(found) = client.committed_offsets(list, PATIENCE) else {
        return BTreeMap::new();
    };
    let elements = found.elements();
    let each = elements.iter().filter_map(|one| match one.offset() {
        Offset::Offset(offset) => Some((one.partition(), offset)),
        _ => None,
    });
    each.collect()
}

/// Where the messages of a topic stand, by their ids.
pub(crate) fn places(url: &str, topic: &str) -> BTreeMap<String, Place> {
    let client = client(url, "glmsg-places");
    let found = client
        .fetch_metadata(Some(topic), PATIENCE)
        .expect("the topic");
    let mut left = BTreeMap::new();
    let mut list = rdkafka::TopicPartitionList::new();
    for partition in found.topics().iter().flat_map(|topic| topic.partitions()) {
        let (_, end) = client
            .fetch_watermarks(topic, partition.id(), PATIENCE)
            .expect("an end");
        if end > 0 {
            left.insert(partition.id(), end);
            list.add_partition_offset(topic, partition.id(), Offset::Beginning)
                .expect("an offset");
        }
    }
    client.assign(&list).expect("partitions");
    let mut places = BTreeMap::new();
    while !left.is_empty() {
        let record = client
            .poll(PATIENCE)
            .expect("records come")
            .expect("a record");
        let place = (record.partition(), record.offset());
        let ids = record.headers().and_then(|headers| {
            let mut all = headers.iter();
            let found = all.find(|header| header.key == "gm-id")?;
            String::from_utf8(found.value?.to_vec()).ok()
        });
        places.insert(ids.expect("an id"), place);
        if left.get(&place.0).is_some_and(|end| place.1 + 1 >= *end) {
            left.remove(&place.0);
        }
    }
    places
}
