//! What is published to topics that have only just been made.

use std::sync::Arc;

use glmsg_broker::{Broker, Published, ReplayQuery, StartFrom};
use glmsg_conformance::Fixture as _;
use glmsg_core::{Message, TopicName};
use glmsg_tests::Kafka;

const PUBLISHERS: usize = 20;
const EACH: usize = 10;

/// A partition's first record, sent while its leader was still getting ready, was once reported as
/// stored and was not: with several requests in flight the second one got through first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_messages_of_a_new_topic_are_there() {
    let fixture = Kafka::new().await;
    let broker = fixture.broker().await;
    for round in 0..40 {
        let topic = TopicName::new(format!("new-{round}")).expect("a valid name");
        let publishers =
            (0..PUBLISHERS).map(|_| tokio::spawn(publish(broker.clone(), topic.clone())));
        for publisher in publishers.collect::<Vec<_>>() {
            publisher.await.expect("a publisher ends");
        }
        let query = ReplayQuery::new(topic.clone(), StartFrom::Earliest);
        let stored = broker.replay(&query).await.expect("a replay");
        assert_eq!(stored.len(), PUBLISHERS * EACH, "in round {round}");
        broker.delete_topic(&topic).await.expect("it is there");
    }
}

async fn publish(broker: Arc<dyn Broker>, topic: TopicName) {
    for _ in 0..EACH {
        let message = Message::new(&topic, "x").expect("a valid message");
        let outcome = broker.publish(&[message]).await.expect("an outcome");
        assert!(matches!(outcome[0], Published::Stored), "{outcome:?}");
    }
}
