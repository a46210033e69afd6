//! What was committed on brokers that run, and what was not.

use std::sync::Arc;

use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, EndTxnRequest, FindCoordinatorRequest, InitProducerIdRequest,
    ProducerId, TransactionalId,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::Record as Made;
use tokio::time::Instant;

use super::running::Topic;
use super::{LONG, next};
use crate::connection::Connection;
use crate::connection::tests::servers::{open, plain, unique};
use crate::fetch::{FetchSettings, Fetcher, What};
use crate::record::tests::made;

/// A producer with transactions.
struct Producer {
    id: String,
    coordinator: Connection,
    producer: ProducerId,
    epoch: i16,
    /// The number of the next record.
    sequence: i32,
}

impl Producer {
    async fn new() -> Self {
        let id = unique("transactions");
        let deadline = Instant::now() + LONG;
        let mut any = open(&plain()).await;
        let request = FindCoordinatorRequest::default()
            .with_key(StrBytes::from_string(id.clone()))
            .with_key_type(1);
        loop {
            assert!(Instant::now() < deadline, "no coordinator");
            tokio::task::yield_now().await;
            let found = any.ask(&request, 3).await.unwrap();
            let Ok(port) = u16::try_from(found.port) else {
                continue;
            };
            if found.error_code != 0 {
                continue;
            }
            let mut coordinator = Connection::open(&plain(), &found.host, port).await.unwrap();
            let request = InitProducerIdRequest::default()
                .with_transactional_id(Some(transaction(&id)))
                .with_transaction_timeout_ms(60_000);
            let begun = coordinator.ask(&request, 4).await.unwrap();
            if begun.error_code == 0 {
                return Self {
                    id,
                    coordinator,
                    producer: begun.producer_id,
                    epoch: begun.producer_epoch,
                    sequence: 0,
                };
            }
        }
    }

    /// Stores records in a transaction. Returns the offset of the first.
    async fn produce(&mut self, topic: &mut Topic, count: i32) -> i64 {
        let partitions = AddPartitionsToTxnTopic::default()
            .with_name(topic.topic())
            .with_partitions(vec![0]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(transaction(&self.id))
            .with_v3_and_below_producer_id(self.producer)
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(vec![partitions]);
        let deadline = Instant::now() + LONG;
        loop {
            let answer = self.coordinator.ask(&request, 3).await.unwrap();
            let topics = answer.results_by_topic_v3_and_below;
            let code = topics[0].results_by_partition[0].partition_error_code;
            if code == 0 {
                break;
            }
            // The one before is being ended.
            assert!(Instant::now() < deadline, "not added: {code}");
            tokio::task::yield_now().await;
        }
        let record = |n: i32| Made {
            transactional: true,
            producer_id: self.producer.0,
            producer_epoch: self.epoch,
            sequence: self.sequence + n,
            ..made(n.into(), None, b"in a transaction")
        };
        let records: Vec<_> = (0..count).map(record).collect();
        self.sequence += count;
        topic.produce(&records, Some(&self.id)).await
    }

    async fn end(&mut self, committed: bool) {
        let request = EndTxnRequest::default()
            .with_transactional_id(transaction(&self.id))
            .with_producer_id(self.producer)
            .with_producer_epoch(self.epoch)
            .with_committed(committed);
        let answer = self.coordinator.ask(&request, 3).await.unwrap();
        assert_eq!(answer.error_code, 0);
    }
}

fn transaction(id: &str) -> TransactionalId {
    StrBytes::from_string(id.to_owned()).into()
}

/// The offsets of records up to a place.
async fn read_to(fetcher: &Fetcher, end: i64) -> Vec<i64> {
    let mut offsets = Vec::new();
    loop {
        let fetched = next(fetcher).await;
        let What::Records(portion) = fetched.what else {
            panic!("{fetched:?}");
        };
        for batch in portion.batches {
            let records = batch.records().unwrap();
            offsets.extend(records.iter().map(|record| record.unwrap().offset));
        }
        if portion.next >= end {
            assert_eq!(portion.next, end);
            return offsets;
        }
    }
}

#[tokio::test]
async fn only_what_was_committed_is_read() {
    let mut topic = Topic::new("transactions", 1).await;
    let fetcher = topic.fetcher(FetchSettings::default());
    fetcher.assign(Arc::clone(&topic.name), 0, 0);
    let (mut one, mut two) = (Producer::new().await, Producer::new().await);

    // Each of them: records, and one that says how it ended.
    assert_eq!(one.produce(&mut topic, 3).await, 0);
    assert_eq!(two.produce(&mut topic, 2).await, 3);
    assert_eq!(topic.produce(&[made(0, None, b"without")], None).await, 5);
    one.end(false).await;
    assert_eq!(one.produce(&mut topic, 2).await, 7);
    two.end(true).await;
    // Up to the one that has not ended, and not beyond.
    assert_eq!(read_to(&fetcher, 7).await, [3, 4, 5]);
    one.end(true).await;
    assert_eq!(read_to(&fetcher, 11).await, [7, 8]);
    assert_eq!(two.produce(&mut topic, 2).await, 11);
    two.end(false).await;
    // Nothing comes of it, and the place moves on.
    assert!(read_to(&fetcher, 14).await.is_empty());
    assert_eq!(topic.produce(&[made(0, None, b"without")], None).await, 14);
    assert_eq!(read_to(&fetcher, 15).await, [14]);

    // All of it at once, in one session, and from the middle of a transaction.
    let all = topic.fetcher(FetchSettings::default());
    all.assign(Arc::clone(&topic.name), 0, 0);
    assert_eq!(read_to(&all, 15).await, [3, 4, 5, 7, 8, 14]);
    all.seek(&topic.name, 0, 1);
    assert_eq!(read_to(&all, 15).await, [3, 4, 5, 7, 8, 14]);
    all.seek(&topic.name, 0, 8);
    assert_eq!(read_to(&all, 15).await, [8, 14]);

    let all = topic.fetcher(FetchSettings {
        read_committed: false,
        ..FetchSettings::default()
    });
    all.assign(Arc::clone(&topic.name), 0, 0);
    let expected = [0, 1, 2, 3, 4, 5, 7, 8, 11, 12, 14];
    assert_eq!(read_to(&all, 15).await, expected);
    topic.end().await;
}

#[tokio::test]
async fn without_waiting_for_commits_what_has_not_ended_is_read() {
    let mut topic = Topic::new("open", 1).await;
    let mut producer = Producer::new().await;
    producer.produce(&mut topic, 3).await;
    let fetcher = topic.fetcher(FetchSettings {
        read_committed: false,
        ..FetchSettings::default()
    });
    fetcher.assign(Arc::clone(&topic.name), 0, 0);
    assert_eq!(read_to(&fetcher, 3).await, [0, 1, 2]);
    let marks = fetcher.watermarks(&topic.name, 0).unwrap();
    assert_eq!((marks.high_watermark, marks.next), (3, 3));
    producer.end(false).await;
    assert!(read_to(&fetcher, 4).await.is_empty());
    topic.end().await;
}
