//! Producing to a broker that runs.

use std::sync::Arc;
use std::time::Duration;

use glmsg_core::ErrorKind;

use super::{Failure, NewRecord, Producer, ProducerSettings};
use crate::connection::tests::servers::{create, delete, open, plain, unique};
use crate::{Cluster, NewHeaders};

/// A topic of its own, which is deleted in the end.
async fn with_topic<F: Future<Output = ()>>(
    partitions: i32,
    check: impl FnOnce(String, Arc<Cluster>) -> F,
) {
    let topic = unique("produce");
    let mut admin = open(&plain()).await;
    create(&mut admin, &topic, partitions).await;
    check(topic.clone(), Cluster::new(plain())).await;
    delete(&mut admin, &topic).await;
}

fn record<'a>(topic: &'a str, value: &'a [u8]) -> NewRecord<'a> {
    NewRecord {
        topic,
        partition: None,
        key: None,
        value: Some(value),
        headers: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_has_a_place_of_its_own() {
    with_topic(3, async |topic, cluster| {
        let producer = Producer::new(cluster, ProducerSettings::default());
        let mut places = Vec::new();
        for _ in 0..20 {
            let mut call = producer.call(50);
            call.tell_places();
            for index in 0..50 {
                call.put(index, record(&topic, b"x")).await.unwrap();
            }
            let outcome = call.finish().await;
            assert!(outcome.failed.is_empty(), "{outcome:?}");
            assert_eq!(outcome.places.len(), 50);
            places.extend(
                outcome
                    .places
                    .iter()
                    .map(|(_, place)| (place.partition, place.offset)),
            );
        }
        places.sort_unstable();
        let count = places.len();
        places.dedup();
        assert_eq!(places.len(), count);
        for partition in 0..3 {
            let offsets: Vec<i64> = places
                .iter()
                .filter_map(|(p, offset)| (*p == partition).then_some(*offset))
                .collect();
            assert!(!offsets.is_empty(), "what has no key is spread");
            let all = i64::try_from(offsets.len()).unwrap();
            assert_eq!(offsets, (0..all).collect::<Vec<_>>());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_calls_at_once_are_all_stored() {
    with_topic(4, async |topic, cluster| {
        let settings = ProducerSettings {
            // Calls wait for room, too.
            queue: 4_000,
            ..ProducerSettings::default()
        };
        let producer = Arc::new(Producer::new(cluster, settings));
        let mut calls = tokio::task::JoinSet::new();
        for n in 0_u32..400 {
            let (producer, topic) = (Arc::clone(&producer), topic.clone());
            calls.spawn(async move {
                let key = n.to_string();
                let mut headers = NewHeaders::new();
                headers.put("n", Some(key.as_bytes()));
                for value in [&b"a"[..], b"b", b"c"] {
                    let record = NewRecord {
                        key: Some(key.as_bytes()),
                        headers: Some(&headers),
                        ..record(&topic, value)
                    };
                    producer.send(record).await.unwrap();
                }
            });
        }
        calls.join_all().await;
        assert!(producer.flush(Duration::from_secs(1)).await);
    })
    .await;
}

#[tokio::test]
async fn what_has_no_place_is_refused() {
    with_topic(1, async |topic, cluster| {
        let producer = Producer::new(cluster, ProducerSettings::default());
        let nowhere = NewRecord {
            partition: Some(7),
            ..record(&topic, b"x")
        };
        let failure = producer.send(nowhere).await.unwrap_err();
        assert!(matches!(failure, Failure::Refused(3)), "{failure:?}");
        let failure = producer.send(record("no-such-topic", b"x")).await;
        assert!(matches!(failure, Err(Failure::Refused(3))), "{failure:?}");
        // More than a broker takes: alone, and in a batch with others.
        let large = vec![0; 13 << 20];
        let mut call = producer.call(3);
        for (index, value) in [(0, &b"x"[..]), (1, &large), (2, b"y")] {
            call.put(index, record(&topic, value)).await.unwrap();
        }
        let outcome = call.finish().await;
        let [(1, Failure::Refused(10))] = outcome.failed[..] else {
            panic!("{outcome:?}");
        };
        // And goes on.
        producer.send(record(&topic, b"z")).await.unwrap();
    })
    .await;
}

#[test]
fn a_runtime_that_ends_takes_nothing_along() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    let topic = unique("produce");
    first.block_on(async {
        create(&mut open(&plain()).await, &topic, 1).await;
    });
    let producer = Producer::new(Cluster::new(plain()), ProducerSettings::default());
    first.block_on(async { producer.send(record(&topic, b"x")).await.unwrap() });
    // Its tasks and connections end with it.
    drop(first);
    let second = runtime();
    second.block_on(async {
        producer.send(record(&topic, b"y")).await.unwrap();
        delete(&mut open(&plain()).await, &topic).await;
    });
}

#[tokio::test]
async fn nobody_there_is_told_when_the_time_is_over() {
    let mut endpoint = plain();
    // A port of the system's that nobody listens at.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    endpoint.servers = vec![("127.0.0.1".to_owned(), free.local_addr().unwrap().port())];
    drop(free);
    let settings = ProducerSettings {
        timeout: Duration::from_millis(300),
        ..ProducerSettings::default()
    };
    let producer = Producer::new(Cluster::new(endpoint), settings);
    let failure = producer.send(record("flights", b"x")).await.unwrap_err();
    let Failure::Unsent(error) = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
