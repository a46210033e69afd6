//! Who leads which partition.

use std::sync::Arc;

use glmsg_core::Result;

use crate::connection::Connection;
use crate::endpoint::Endpoint;

/// What is known of a cluster: its brokers and the leaders of topics that were asked for.
#[derive(Debug)]
pub struct Cluster {
    endpoint: Endpoint,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaders {
    /// The number of the broker that leads each partition, in their order; -1 where none does now.
    pub nodes: Vec<i32>,
    /// The code the cluster gave for the topic, such as 3 for one it does not have; 0 if it is fine.
    pub code: i16,
}

impl Cluster {
    /// One of which nothing is known yet. Does not connect.
    pub fn new(endpoint: Endpoint) -> Arc<Self> {
        Arc::new(Self { endpoint })
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The leaders of a topic as they were last told. None if it was never asked for.
    pub fn leaders(&self, topic: &str) -> Option<Arc<Leaders>> {
        let _ = topic;
        todo!()
    }

    /// Asks who leads the partitions of these topics. Calls at the same time share a connection and
    /// wait for each other. A topic the cluster does not have is no error: its `code` says so.
    ///
    /// # Errors
    /// Why no broker could be asked: that of the last one tried, where a refused login goes before a
    /// broker that is not there.
    pub async fn ask(&self, topics: &[&str]) -> Result<()> {
        let _ = topics;
        todo!()
    }

    /// A new connection to the broker of this number.
    ///
    /// # Errors
    /// Those of [`Connection::open`], and `Unavailable` for a number that no broker is known to have.
    pub async fn connect(&self, node: i32) -> Result<Connection> {
        let _ = node;
        todo!()
    }
}
