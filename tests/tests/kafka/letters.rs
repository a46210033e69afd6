//! A dead letter that was written twice, as by a process that died before it could commit that it had, counts once.

use std::time::Duration;

use glmsg::{Consumer, DeadLetterSelector, HandlerError, Incoming, Message, MessageId};
use glmsg_faults::{services, until};
use glmsg_tests::traffic::Scene;
use rdkafka::Message as _;
use rdkafka::Offset;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::Consumer as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::raw;

const PATIENCE: Duration = Duration::from_secs(60);

/// Writes the first record of a topic of one partition again, at its end.
fn write_again(url: &str, topic: &str) {
    let client = raw::client(url, "glmsg-again");
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning)
        .expect("an offset");
    client.assign(&list).expect("a partition");
    let record = client
        .poll(PATIENCE)
        .expect("a record comes")
        .expect("a record");
    let headers = record.headers().expect("headers").detach();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", raw::servers(url))
        .create()
        .expect("a producer");
    let copy = BaseRecord::<[u8], [u8]>::to(topic).partition(0);
    let copy = copy
        .payload(record.payload().unwrap_or_default())
        .headers(headers);
    producer
        .send(copy)
        .map_err(|(e, _)| e)
        .expect("it is taken");
    producer.flush(PATIENCE).expect("it is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_was_written_twice_counts_once() {
    let namespace = format!("l-{}", MessageId::new());
    let url = format!("{}?namespace={namespace}", services::get("KAFKA_URL"));
    let scene = Scene::new(&url);
    let broker = scene.connect().await;
    let (topic, group) = scene.names();
    let consumer = Consumer::new(broker.clone(), topic.as_str(), group.as_str());
    let fails = |_: Incoming| async { Err(HandlerError::retry("as asked")) };
    let consumer = consumer.start(fails).await.expect("it starts");
    let message = Message::builder(topic.as_str()).payload("x").max_retries(0);
    let message = message.build().expect("a valid message");
    broker.publish(&[message]).await.expect("an outcome");
    until("it is a dead letter", PATIENCE, || async {
        scene.dead_letters(&broker).await.len() == 1
    })
    .await;
    consumer.shutdown().await.expect("it ends");

    let letters = format!("{namespace}.{topic}..{group}..dead");
    let again = tokio::task::spawn_blocking(move || write_again(&url, &letters));
    again.await.expect("no panic");
    assert_eq!(scene.dead_letters(&broker).await.len(), 1);
    let lag = broker.lag(&topic, &group).await.expect("a lag");
    assert_eq!(lag.dead_letters, 1);
    let all = DeadLetterSelector::All;
    let redriven = broker.redrive(&topic, &group, &all).await;
    assert_eq!(redriven.expect("it is redriven"), 1);
    assert!(scene.dead_letters(&broker).await.is_empty());
    broker.close().await.expect("it closes");
}
