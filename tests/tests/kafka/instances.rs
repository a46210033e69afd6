//! Two processes that call themselves the same in a group.

use std::time::Duration;

use glmsg_broker::{Broker as _, Received, Settler as _, Source, SubscribeOptions};
use glmsg_conformance::Fixture as _;
use glmsg_core::{ErrorKind, Message, Result, TopicName};
use glmsg_kafka::{KafkaBroker, KafkaConfig};
use glmsg_tests::Kafka;
use tokio::time::timeout;

/// How long what is awaited may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Another process, as it were.
async fn open(fixture: &Kafka, protocol: &str, name: &str) -> KafkaBroker {
    let url = format!("{}&instance=same&group_protocol={protocol}", fixture.url());
    let config = KafkaConfig::from_url(&url).expect("the service's URL");
    let opened = KafkaBroker::open(config.name(name)).await;
    opened.expect("it is there")
}

async fn publish(broker: &KafkaBroker, topic: &TopicName) {
    let message = Message::new(topic, "x").expect("a valid message");
    broker.publish(&[message]).await.expect("it is stored");
}

async fn recv(source: &mut impl Source) -> Result<Vec<Received>> {
    let mut received = Vec::new();
    let receiving = source.recv(&mut received, 1);
    timeout(PATIENCE, receiving).await.expect("it is told")?;
    Ok(received)
}

/// Who comes later takes the place of the other, which hears of it and can join again though it holds a delivery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_is_shut_out() {
    let fixture = Kafka::new().await;
    let one = open(&fixture, "classic", "one").await;
    let other = open(&fixture, "classic", "other").await;
    let options = SubscribeOptions::new("t", "g").expect("valid names");
    publish(&one, &options.topic).await;
    let mut first = one.open_source(&options).await.expect("it joins");
    let held = recv(&mut first).await.expect("it comes");
    assert_eq!(held.len(), 1);
    let second = other.open_source(&options).await.expect("it joins");
    let error = recv(&mut first).await.expect_err("it is shut out");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("instance"), "{error}");
    other.close().await.expect("it closes");
    drop(second);
    let joined = timeout(PATIENCE, one.open_source(&options)).await;
    let mut again = joined.expect("it need not wait").expect("it joins");
    assert_eq!(recv(&mut again).await.expect("it comes again").len(), 1);
    drop((first, again));
    one.close().await.expect("it closes");
}

/// Who comes later is refused while the other is there, and can join when it has gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_is_refused_where_the_cluster_shares_out() {
    let fixture = Kafka::new().await;
    let one = open(&fixture, "consumer", "one").await;
    let other = open(&fixture, "consumer", "other").await;
    let options = SubscribeOptions::new("t", "g").expect("valid names");
    publish(&one, &options.topic).await;
    let mut first = one.open_source(&options).await.expect("it joins");
    let held = recv(&mut first).await.expect("it comes");
    let mut second = other.open_source(&options).await.expect("it begins");
    let error = recv(&mut second).await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("instance"), "{error}");
    // Nothing holds it up, so that it has left when it is closed.
    let acked = first.settler().ack(&[held[0].token]).await;
    acked.expect("it is acked");
    drop(first);
    one.close().await.expect("it closes");
    publish(&other, &options.topic).await;
    let joined = timeout(PATIENCE, other.open_source(&options)).await;
    let mut again = joined.expect("it need not wait").expect("it joins");
    assert_eq!(recv(&mut again).await.expect("it comes").len(), 1);
    drop((second, again));
    other.close().await.expect("it closes");
}
