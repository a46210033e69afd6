//! Topics that are full, files that are full, messages that are too large.

use std::time::Duration;

use glmsg_broker::{
    Backend, HealthStatus, Overflow, Published, ReplayQuery, Settled, Settler, Source, StartFrom,
    TopicConfig,
};
use glmsg_core::{ErrorKind, Message};
use glmsg_sqlite::SqliteBroker;

use crate::store::{
    Place, TOPIC, ack, message, messages, numbers, options, publish, receive, topic,
};

#[tokio::test]
async fn a_full_topic_drops_what_is_acked_and_then_refuses() {
    let place = Place::new();
    let broker = place.open().await;
    broker
        .create_topic(&topic(), &TopicConfig::default().max_len(10))
        .await
        .unwrap();
    let mut source = broker.subscribe(&options()).await.unwrap();
    publish(&broker, &messages(10)).await;
    let outcomes = broker.publish(&[message(10)]).await.unwrap();
    assert!(matches!(&outcomes[..], [Published::Full(e)] if e.kind() == ErrorKind::Full));
    let received = receive(&mut source, 4).await;
    ack(&source, &received[..2]).await;
    let outcomes = broker.publish(&messages(3)).await.unwrap();
    assert!(matches!(
        outcomes[..],
        [Published::Stored, Published::Stored, Published::Full(_)]
    ));
    assert_eq!(broker.topics().await.unwrap()[0].messages, 10);
}

#[tokio::test]
async fn dropping_the_oldest_takes_it_from_its_holder() {
    let place = Place::new();
    let broker = place.open().await;
    let config = TopicConfig::default()
        .max_len(3)
        .overflow(Overflow::DropOldest);
    broker.create_topic(&topic(), &config).await.unwrap();
    let mut source = broker.subscribe(&options()).await.unwrap();
    publish(&broker, &messages(3)).await;
    let received = receive(&mut source, 1).await;
    publish(&broker, &[message(3), message(4)]).await;
    let settled = source.settler().ack(&[received[0].token]).await;
    assert_eq!(settled.unwrap(), [Settled::Stale]);
    assert_eq!(numbers(&receive(&mut source, 3).await), [2, 3, 4]);
}

#[tokio::test]
async fn what_is_acked_and_old_goes() {
    let place = Place::new();
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    publish(&broker, &messages(2000)).await;
    let received = receive(&mut source, 1500).await;
    ack(&source, &received).await;
    let left = async || broker.topics().await.unwrap()[0].messages;
    assert_eq!(left().await, 2000);
    place.clock.advance(Duration::from_secs(8 * 24 * 3600));
    // In pieces, between other work.
    while left().await > 500 {
        tokio::task::yield_now().await;
    }
    let query = ReplayQuery::new(topic(), StartFrom::Earliest).limit(1);
    assert_eq!(broker.replay(&query).await.unwrap().len(), 1);
    assert_eq!(left().await, 500);
}

#[tokio::test]
async fn a_payload_over_the_limit_is_rejected_alone() {
    let place = Place::new();
    let broker = SqliteBroker::open(place.config().max_payload(10))
        .await
        .unwrap();
    let large = Message::new(TOPIC, vec![0; 11]).unwrap();
    let outcomes = broker.publish(&[large, message(1)]).await.unwrap();
    assert!(
        matches!(&outcomes[..], [Published::Rejected(e), Published::Stored]
        if e.kind() == ErrorKind::TooLarge)
    );
}

#[tokio::test]
async fn a_full_file_refuses_publishes_and_works_again_when_there_is_room() {
    let place = Place::new();
    let config = place.config().max_file_size(400_000);
    let broker = SqliteBroker::open(config).await.unwrap();
    let mut source = broker.subscribe(&options()).await.unwrap();
    let large = || Message::new(TOPIC, vec![7; 10_000]).unwrap();
    let mut stored = 0;
    let error = loop {
        match broker.publish(&[large()]).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(error.is_transient() && stored > 10);
    // Receiving and acking go on.
    let received = receive(&mut source, stored).await;
    ack(&source, &received).await;
    let query = ReplayQuery::new(topic(), StartFrom::Earliest);
    assert_eq!(broker.replay(&query).await.unwrap().len(), stored);
    assert_eq!(broker.health().await.status, HealthStatus::Healthy);
    // The refused one left nothing behind, and what is acked makes room when it is dropped.
    place.clock.advance(Duration::from_secs(8 * 24 * 3600));
    while broker.topics().await.unwrap()[0].messages > 0 {
        tokio::task::yield_now().await;
    }
    publish(&broker, &[large()]).await;
    assert_eq!(receive(&mut source, 1).await.len(), 1);
    broker.close().await.unwrap();
}
