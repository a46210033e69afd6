//! Topics that are not as they should be.

use std::time::Duration;

use glmsg_broker::{Backend, Broker, SubscribeOptions, TopicConfig};
use glmsg_conformance::Fixture as _;
use glmsg_core::{Error, ErrorKind, Message, TopicName};
use glmsg_kafka::{KafkaBroker, KafkaConfig};
use glmsg_tests::{Kafka, kafka_topics};

async fn open(url: &str) -> KafkaBroker {
    let config = KafkaConfig::from_url(url).expect("a valid URL");
    KafkaBroker::open(config).await.expect("opens")
}

fn assert_single_copy(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    assert_eq!(error.context("setting"), Some("replication.factor"));
    assert_eq!(error.context("found"), Some("1"));
    assert_eq!(error.context("wanted"), Some("at least 2"));
    let topic = error.context("topic").expect("it names the topic");
    assert!(topic.contains("orders"), "{error}");
    assert!(error.to_string().contains("replication=3"), "{error}");
}

/// In production a topic with a single copy is refused to who creates it, publishes to it or reads
/// it, with all there is to know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_refuses_a_single_copy() {
    let fixture = Kafka::new().await;
    let broker = open(&format!("{}&profile=production", fixture.url())).await;
    let topic = TopicName::new("orders").expect("a valid name");
    let config = TopicConfig::default();
    let created = Backend::create_topic(&broker, &topic, &config).await;
    assert_single_copy(&created.expect_err("one copy"));
    let message = Message::new(&topic, "x").expect("a valid message");
    let published = Backend::publish(&broker, &[message]).await;
    assert_single_copy(&published.expect_err("one copy"));
    let options = SubscribeOptions::new(&topic, "g").expect("valid options");
    let joined = Broker::open_source(&broker, &options).await.map(drop);
    assert_single_copy(&joined.expect_err("one copy"));
}

/// In development such topics are used, and `doctor` tells of each setting what it means and how it
/// is changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_warns_of_topics_that_lose_messages() {
    let fixture = Kafka::new().await;
    let settings = [
        ("cleanup.policy", "compact"),
        ("retention.ms", "60000"),
        ("retention.bytes", "1048576"),
        ("max.message.bytes", "1000"),
    ];
    kafka_topics::make(&fixture.url(), "orders", 1, &settings).await;
    let broker = open(&format!("{}&max_age_s=86400", fixture.url())).await;
    let findings = within("doctor", Broker::doctor(&broker)).await;
    let findings = findings.expect("it looks");
    let others = ["replication.factor", "min.insync.replicas"];
    for setting in settings.iter().map(|(name, _)| *name).chain(others) {
        let told = findings
            .iter()
            .find(|finding| finding.what.starts_with(setting))
            .unwrap_or_else(|| panic!("nothing of {setting}: {findings:?}"));
        assert!(told.what.contains("orders"), "{told:?}");
        assert!(told.remedy.as_deref().is_some_and(|r| r.contains("kafka-")));
    }
}

async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(Duration::from_secs(60), event).await;
    ended.unwrap_or_else(|_| panic!("waited 60 s in vain for {what}"))
}
