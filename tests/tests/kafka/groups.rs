//! A group that is deleted, and made again under its name.

use std::time::Duration;

use glmsg_broker::{Broker as _, GroupConfig, Source as _, StartFrom, SubscribeOptions};
use glmsg_core::{GroupName, Message, MessageId, TopicName};
use glmsg_faults::services;
use glmsg_kafka::{KafkaBroker, KafkaConfig};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::raw::servers;

/// A member that neither polls nor leaves, as one that was closed while it joined. It is let go when its
/// session is over.
fn silent_member(url: &str, group: &str, topic: &str) -> BaseConsumer {
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers(url))
        .set("group.id", group)
        .set("session.timeout.ms", "6000")
        .set("max.poll.interval.ms", "6000")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a client");
    member.subscribe(&[topic]).expect("a subscription");
    while member.assignment().expect("an assignment").count() == 0 {
        drop(member.poll(Duration::from_millis(100)));
    }
    member
}

async fn publish(broker: &KafkaBroker, topic: &TopicName, payload: &'static str) {
    let message = Message::new(topic, payload).expect("a valid message");
    broker.publish(&[message]).await.expect("it is stored");
}

/// What the old one had done is not what the new one has, also where the cluster keeps the old one for a
/// member that has not left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_made_again_begins_where_it_is_told_to() {
    let namespace = format!("g-{}", MessageId::new());
    let url = services::get("KAFKA_URL");
    let settings = format!("{url}?namespace={namespace}&session_timeout_ms=6000");
    let config = KafkaConfig::from_url(&settings).expect("the service's URL");
    let broker = KafkaBroker::open(config).await.expect("it is there");
    let topic = TopicName::new("t").expect("a valid name");
    let group = GroupName::new("g").expect("a valid name");
    let latest = GroupConfig::default().start(StartFrom::Latest);
    publish(&broker, &topic, "1").await;
    let made = broker.create_group(&topic, &group, &latest).await;
    made.expect("it is made");
    let id = format!("{namespace}.{topic}..{group}");
    let name = format!("{namespace}.{topic}");
    let joining = tokio::task::spawn_blocking(move || silent_member(&url, &id, &name));
    let member = joining.await.expect("it joins");

    let deleted = broker.delete_group(&topic, &group).await;
    deleted.expect("it is deleted");
    publish(&broker, &topic, "2").await;
    let made = broker.create_group(&topic, &group, &latest).await;
    made.expect("it is made again");
    publish(&broker, &topic, "3").await;
    let options = SubscribeOptions::new(&topic, &group).expect("valid names");
    let mut source = broker.open_source(&options).await.expect("it joins");
    let mut received = Vec::new();
    source.recv(&mut received, 10).await.expect("it comes");
    let payloads: Vec<&[u8]> = received.iter().map(|r| &r.message.payload()[..]).collect();
    assert_eq!(payloads, [b"3"]);
    drop((source, member));
    broker.delete_topic(&topic).await.expect("it is deleted");
    broker.close().await.expect("it closes");
}
