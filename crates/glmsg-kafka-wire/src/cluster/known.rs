//! What brokers said of their cluster.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use glmsg_core::Result;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::Leaders;
use crate::connection::Connection;

/// The version of the request that is asked with, at most.
const VERSION: i16 = 12;

/// The cluster does not have the topic.
pub(super) const UNKNOWN_TOPIC: i16 = 3;

/// More partitions than a cluster can have.
const PARTITIONS: usize = 1 << 20;

/// What brokers said of their cluster.
#[derive(Debug, Default)]
pub(super) struct Known(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    brokers: BTreeMap<i32, (String, u16)>,
    topics: HashMap<String, Arc<Leaders>>,
}

impl Known {
    pub(super) fn leaders(&self, topic: &str) -> Option<Arc<Leaders>> {
        self.read().topics.get(topic).cloned()
    }

    pub(super) fn forget(&self, topic: &str) {
        self.write().topics.remove(topic);
    }

    pub(super) fn address(&self, node: i32) -> Option<(String, u16)> {
        self.read().brokers.get(&node).cloned()
    }

    /// Where to ask: known brokers, beginning with any of them, then these that they are not among.
    pub(super) fn addresses(&self, servers: &[(String, u16)]) -> Vec<(String, u16)> {
        let mut all: Vec<_> = self.read().brokers.values().cloned().collect();
        if !all.is_empty() {
            // Not all clients are to ask the same one.
            let first = fastrand::usize(..all.len());
            all.rotate_left(first);
        }
        for server in servers {
            if !all.contains(server) {
                all.push(server.clone());
            }
        }
        all
    }

    pub(super) fn nodes(&self) -> Vec<i32> {
        self.read().brokers.keys().copied().collect()
    }

    /// Asks a broker, and notes what it says.
    pub(super) async fn ask(&self, connection: &mut Connection, topics: &[String]) -> Result<()> {
        let response = ask(connection, topics).await?;
        self.note(&response, topics);
        Ok(())
    }

    fn note(&self, response: &MetadataResponse, asked: &[String]) {
        let brokers = response.brokers.iter().filter_map(|broker| {
            let port = u16::try_from(broker.port).ok()?;
            Some((broker.node_id.0, (broker.host.to_string(), port)))
        });
        let brokers: BTreeMap<_, _> = brokers.collect();
        let mut inner = self.write();
        if !brokers.is_empty() {
            inner.brokers = brokers;
        }
        for topic in asked {
            let leaders = Arc::new(told(response, topic));
            inner.topics.insert(topic.clone(), leaders);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a broker of topics.
pub(super) async fn ask(
    connection: &mut Connection,
    topics: &[String],
) -> Result<MetadataResponse> {
    let version = connection.version::<MetadataRequest>(VERSION)?;
    let each = topics.iter().map(|topic| {
        let name = TopicName(StrBytes::from_string(topic.clone()));
        MetadataRequestTopic::default().with_name(Some(name))
    });
    let request = MetadataRequest::default()
        .with_topics(Some(each.collect()))
        // A version that makes topics has no word for it: it is refused when it is written.
        .with_allow_auto_topic_creation(false);
    connection.ask(&request, version).await
}

/// What a broker says of a topic.
pub(super) fn told(response: &MetadataResponse, topic: &str) -> Leaders {
    let mut told = response.topics.iter();
    let told = told.find(|found| found.name.as_ref().is_some_and(|name| **name == *topic));
    told.map_or_else(none, leaders)
}

/// Those of a topic that a broker does not speak of.
fn none() -> Leaders {
    Leaders {
        nodes: Vec::new(),
        code: UNKNOWN_TOPIC,
    }
}

fn leaders(topic: &MetadataResponseTopic) -> Leaders {
    let mut nodes = Vec::new();
    for partition in &topic.partitions {
        let Ok(index) = usize::try_from(partition.partition_index) else {
            continue;
        };
        if index >= nodes.len() && index < PARTITIONS {
            nodes.resize(index + 1, -1);
        }
        if let Some(node) = nodes.get_mut(index) {
            *node = partition.leader_id.0;
        }
    }
    Leaders {
        nodes,
        code: topic.error_code,
    }
}
