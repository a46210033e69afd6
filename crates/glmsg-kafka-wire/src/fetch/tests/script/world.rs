//! What brokers of a script say of their cluster.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, MetadataRequest, MetadataResponse,
};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::Notify;

use super::LONG;

/// What the brokers say of the cluster.
pub(in crate::fetch::tests) struct World {
    addresses: Mutex<Vec<SocketAddr>>,
    /// The leaders of topics; a code for those that are not there.
    leaders: Mutex<HashMap<String, Result<Vec<i32>, i16>>>,
    /// The earliest and the latest offset of each partition.
    ends: Mutex<(i64, i64)>,
    /// How often the leaders were asked for.
    pub(in crate::fetch::tests) asked: AtomicUsize,
    /// How many connections there are, and when one ends.
    open: AtomicUsize,
    closed: Notify,
}

impl World {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            addresses: Mutex::default(),
            leaders: Mutex::default(),
            ends: Mutex::new((0, 0)),
            asked: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            closed: Notify::new(),
        })
    }

    pub(super) fn add(&self, address: SocketAddr) {
        self.addresses.lock().unwrap().push(address);
    }

    /// That of the first broker.
    pub(super) fn address(&self) -> SocketAddr {
        self.addresses.lock().unwrap()[0]
    }

    pub(super) fn opened(&self) {
        self.open.fetch_add(1, SeqCst);
    }

    pub(super) fn closed(&self) {
        self.open.fetch_sub(1, SeqCst);
        self.closed.notify_waiters();
    }

    /// The leaders of `orders`, or the code that there is instead.
    pub(in crate::fetch::tests) fn lead(&self, leaders: Result<Vec<i32>, i16>) {
        let mut all = self.leaders.lock().unwrap();
        all.insert("orders".to_owned(), leaders);
    }

    pub(in crate::fetch::tests) fn end_at(&self, earliest: i64, latest: i64) {
        *self.ends.lock().unwrap() = (earliest, latest);
    }

    /// Waits until all connections are closed.
    pub(in crate::fetch::tests) async fn all_closed(&self) {
        let closed = async {
            loop {
                let closed = self.closed.notified();
                if self.open.load(SeqCst) == 0 {
                    return;
                }
                closed.await;
            }
        };
        let closed = tokio::time::timeout(LONG, closed).await;
        closed.expect("connections stay open");
    }

    pub(super) fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        self.asked.fetch_add(1, SeqCst);
        let addresses = self.addresses.lock().unwrap();
        let brokers = addresses.iter().zip(0..).map(|(address, node)| {
            MetadataResponseBroker::default()
                .with_node_id(node.into())
                .with_host(StrBytes::from_string(address.ip().to_string()))
                .with_port(address.port().into())
        });
        let all = self.leaders.lock().unwrap();
        let topics = request.topics.iter().flatten().map(|topic| {
            let name = topic.name.clone().unwrap();
            let found = all.get(name.as_str()).cloned().unwrap_or(Err(3));
            let leaders = found.clone().unwrap_or_default();
            let partitions = leaders.iter().zip(0..).map(|(leader, partition)| {
                MetadataResponsePartition::default()
                    .with_partition_index(partition)
                    .with_leader_id((*leader).into())
            });
            MetadataResponseTopic::default()
                .with_name(Some(name))
                .with_error_code(found.err().unwrap_or(0))
                .with_partitions(partitions.collect())
        });
        MetadataResponse::default()
            .with_brokers(brokers.collect())
            .with_topics(topics.collect())
    }

    pub(super) fn offsets(&self, request: &ListOffsetsRequest) -> ListOffsetsResponse {
        let (earliest, latest) = *self.ends.lock().unwrap();
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                let offset = match partition.timestamp {
                    -2 => earliest,
                    _ => latest,
                };
                ListOffsetsPartitionResponse::default()
                    .with_partition_index(partition.partition_index)
                    .with_offset(offset)
            });
            ListOffsetsTopicResponse::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect())
        });
        ListOffsetsResponse::default().with_topics(topics.collect())
    }
}
