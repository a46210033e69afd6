//! Topics that production refuses, though they have copies enough.

use glmsg_broker::{Backend, Broker, SubscribeOptions};
use glmsg_conformance::Fixture as _;
use glmsg_core::{ErrorKind, Message, TopicName};
use glmsg_kafka::{KafkaBroker, KafkaConfig};
use glmsg_tests::{Kafka3, kafka_topics};

/// A topic that would lose messages is refused to who publishes and to who reads, with what was
/// found and what is wanted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_refuses_topics_that_lose_messages() {
    let fixture = Kafka3::new().await;
    let url = format!("{}&max_age_s=86400", fixture.url());
    let config = KafkaConfig::from_url(&url).expect("a valid URL");
    let broker = KafkaBroker::open(config).await.expect("opens");
    let insync = ("min.insync.replicas", "2");
    let largest = ("max.message.bytes", "2000000");
    let kept = ("retention.ms", "86400000");
    type Settings<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, &str, i32, Settings<'_>); 5] = [
        (
            "cleanup.policy",
            "compact",
            3,
            &[insync, largest, kept, ("cleanup.policy", "compact")],
        ),
        (
            "min.insync.replicas",
            "1",
            3,
            &[("min.insync.replicas", "1"), largest, kept],
        ),
        (
            "retention.ms",
            "60000",
            3,
            &[insync, largest, ("retention.ms", "60000")],
        ),
        (
            "max.message.bytes",
            "1000",
            3,
            &[insync, kept, ("max.message.bytes", "1000")],
        ),
        ("replication.factor", "2", 2, &[insync, largest, kept]),
    ];
    for (n, (setting, found, copies, settings)) in cases.into_iter().enumerate() {
        let name = format!("orders-{n}");
        kafka_topics::make(&url, &name, copies, settings).await;
        let topic = TopicName::new(&name).expect("a valid name");
        let message = Message::new(&topic, "x").expect("a valid message");
        let published = Backend::publish(&broker, &[message]).await.map(drop);
        let options = SubscribeOptions::new(&topic, "g").expect("valid options");
        let joined = Broker::open_source(&broker, &options).await.map(drop);
        for refused in [published, joined] {
            let error = refused.expect_err(setting);
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
            assert_eq!(error.context("setting"), Some(setting), "{error}");
            assert_eq!(error.context("found"), Some(found), "{error}");
        }
    }
    // One that is as it should be is used.
    kafka_topics::make(&url, "orders", 3, &[insync, largest, kept]).await;
    let topic = TopicName::new("orders").expect("a valid name");
    let message = Message::new(&topic, "x").expect("a valid message");
    Backend::publish(&broker, &[message]).await.expect("stored");
}
