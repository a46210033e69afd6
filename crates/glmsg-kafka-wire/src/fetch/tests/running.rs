//! A topic on brokers that run.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ListOffsetsRequest, ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::Record as Made;
use tokio::time::Instant;

use super::LONG;
use crate::cluster::Cluster;
use crate::connection::Connection;
use crate::connection::tests::servers::{create, delete, open, plain, service, unique};
use crate::fetch::{FetchSettings, Fetcher};
use crate::record::tests::encode;

/// A topic of a test. It is deleted with [`end`](Self::end).
pub(super) struct Topic {
    pub(super) name: Arc<str>,
    pub(super) cluster: Arc<Cluster>,
    pub(super) leader: Connection,
}

impl Topic {
    pub(super) async fn new(what: &str, partitions: i32) -> Self {
        let name: Arc<str> = unique(what).into();
        let mut admin = open(&plain()).await;
        create(&mut admin, &name, partitions).await;
        Self::find(name, partitions).await
    }

    /// Waits until each partition has a leader that knows it.
    pub(super) async fn find(name: Arc<str>, partitions: i32) -> Self {
        let cluster = Cluster::new(plain());
        let count = usize::try_from(partitions).unwrap();
        let deadline = Instant::now() + LONG;
        let leader = loop {
            cluster.ask(&[&name]).await.unwrap();
            let leaders = cluster.leaders(&name).unwrap();
            let nodes = leaders.nodes.iter().filter(|node| **node >= 0);
            if nodes.count() == count {
                break leaders.nodes[0];
            }
            assert!(Instant::now() < deadline, "no leaders: {leaders:?}");
            tokio::task::yield_now().await;
        };
        let leader = cluster.connect(leader).await.unwrap();
        let mut topic = Self {
            name,
            cluster,
            leader,
        };
        while !topic.is_led(partitions).await {
            assert!(Instant::now() < deadline, "not led");
            tokio::task::yield_now().await;
        }
        topic
    }

    /// Brokers tell of a leader before that one has taken it up.
    async fn is_led(&mut self, partitions: i32) -> bool {
        let each = (0..partitions).map(|partition| {
            ListOffsetsPartition::default()
                .with_partition_index(partition)
                .with_timestamp(-1)
        });
        let topic = ListOffsetsTopic::default()
            .with_name(self.topic())
            .with_partitions(each.collect());
        let request = ListOffsetsRequest::default()
            .with_replica_id((-1).into())
            .with_topics(vec![topic]);
        let answer = self.leader.ask(&request, 7).await.unwrap();
        let mut all = answer.topics.iter().flat_map(|topic| &topic.partitions);
        all.all(|partition| partition.error_code == 0)
    }

    pub(super) fn topic(&self) -> TopicName {
        TopicName(StrBytes::from_string(self.name.to_string()))
    }

    /// Appends a batch to the first partition. Returns the offset of its first record.
    pub(super) async fn produce(&mut self, records: &[Made], transaction: Option<&str>) -> i64 {
        let codec = kafka_protocol::records::Compression::None;
        let partition = PartitionProduceData::default()
            .with_index(0)
            .with_records(Some(encode(records, codec)));
        let data = TopicProduceData::default()
            .with_name(self.topic())
            .with_partition_data(vec![partition]);
        let transaction = transaction.map(|id| StrBytes::from_string(id.to_owned()).into());
        let request = ProduceRequest::default()
            .with_transactional_id(transaction)
            .with_acks(-1)
            .with_timeout_ms(20_000)
            .with_topic_data(vec![data]);
        // The last one that leaves it to the producer to add partitions to a transaction.
        let version = self.leader.version::<ProduceRequest>(11).unwrap();
        let answer = self.leader.ask(&request, version).await.unwrap();
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, 0, "{answer:?}");
        partition.base_offset
    }

    /// Sends lines with kcat: a key and a value each.
    pub(super) fn kcat(&self, partition: i32, lines: &[String], arguments: &[&str]) {
        let (host, port) = &plain().servers[0];
        let server = format!("{host}:{port}");
        let mut child = Command::new(service("KCAT"))
            .args(["-P", "-b", &server, "-t", &self.name])
            .args(["-p", &partition.to_string(), "-K", ":"])
            .args(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(lines.join("\n").as_bytes()).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success());
    }

    pub(super) fn fetcher(&self, settings: FetchSettings) -> Fetcher {
        Fetcher::new(Arc::clone(&self.cluster), settings)
    }

    pub(super) async fn end(mut self) {
        delete(&mut self.leader, &self.name).await;
    }
}
