//! Who closes its broker has left its groups.

use std::sync::mpsc;
use std::time::Duration;

use glmsg_broker::{Broker as _, Settler as _, Source as _, SubscribeOptions};
use glmsg_conformance::Fixture as _;
use glmsg_core::{GroupName, Message, TopicName};
use glmsg_kafka::{KafkaBroker, KafkaConfig};
use glmsg_tests::Kafka;
use tokio::runtime::Runtime;

/// Another program, as it were: brokers of one process share their clients where their settings are
/// the same.
async fn open(fixture: &Kafka, name: &str) -> KafkaBroker {
    let config = KafkaConfig::from_url(&fixture.url()).expect("the service's URL");
    KafkaBroker::open(config.name(name))
        .await
        .expect("it is there")
}

/// A process may end as soon as its broker is closed. One that had not left its groups by then would keep its
/// partitions from the others until its session is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_closes_is_no_member_any_more() {
    let fixture = Kafka::new().await;
    let (one, other) = (open(&fixture, "one").await, open(&fixture, "other").await);
    let group = GroupName::new("g").expect("a valid name");
    let topics: Vec<TopicName> = (0..5)
        .map(|n| TopicName::new(format!("left-{n}")).expect("a valid name"))
        .collect();
    let mut sources = Vec::new();
    for topic in &topics {
        let message = Message::new(topic, "x").expect("a valid message");
        one.publish(&[message]).await.expect("it is stored");
        let options = SubscribeOptions::new(topic, &group).expect("valid names");
        let mut source = one.open_source(&options).await.expect("it joins");
        let mut received = Vec::new();
        source.recv(&mut received, 1).await.expect("it comes");
        let tokens = [received[0].token];
        source.settler().ack(&tokens).await.expect("it is acked");
        sources.push(source);
    }
    for topic in &topics {
        // Then nothing is left to be committed.
        one.lag(topic, &group).await.expect("it is there");
    }
    drop(sources);
    one.close().await.expect("it closes");
    for topic in &topics {
        let groups = other.groups(topic).await.expect("it is there");
        let members: Vec<u64> = groups.iter().map(|group| group.members).collect();
        assert_eq!(members, [0], "of {topic}");
    }
}

/// A program may end without having closed its broker, while it reads faster than it takes.
#[test]
fn a_runtime_ends_whatever_is_read_in_it() {
    const MESSAGES: usize = 30_000;
    let runtime = Runtime::new().expect("there are threads");
    let kept = runtime.block_on(async {
        let fixture = Kafka::new().await;
        let broker = open(&fixture, "one").await;
        let topic = TopicName::new("much").expect("a valid name");
        let message = |_| Message::new(&topic, "x".repeat(256)).expect("a valid message");
        let messages: Vec<Message> = (0..MESSAGES).map(message).collect();
        for batch in messages.chunks(1000) {
            broker.publish(batch).await.expect("they are stored");
        }
        let group = GroupName::new("g").expect("a valid name");
        let options = SubscribeOptions::new(&topic, &group).expect("valid names");
        let mut source = broker.open_source(&options).await.expect("it joins");
        // Then there is no room for more than what is ready, until somebody takes it.
        let mut received = Vec::new();
        while received.len() < 1000 {
            source.recv(&mut received, 100).await.expect("they come");
        }
        (fixture, broker, source)
    });
    let (ended, has_ended) = mpsc::channel();
    std::thread::spawn(move || {
        drop(runtime);
        let _ = ended.send(());
    });
    let in_time = has_ended.recv_timeout(Duration::from_secs(20));
    // As at the end of a process: nobody drops them.
    std::mem::forget(kept);
    assert_eq!(in_time, Ok(()), "the runtime waits for what is read");
}
