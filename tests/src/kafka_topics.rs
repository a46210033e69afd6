//! Topics made past the backend, as somebody else could.

use std::time::{Duration, Instant};

use glmsg_kafka::KafkaConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;

/// How long a cluster may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn admin(config: &KafkaConfig) -> AdminClient<DefaultClientContext> {
    let servers: Vec<String> = config.servers.iter().map(ToString::to_string).collect();
    ClientConfig::new()
        .set("bootstrap.servers", servers.join(","))
        .create()
        .expect("a client")
}

/// Deletes a topic of Kafka by its name there, and waits until it is gone.
///
/// # Panics
/// If the cluster refuses it.
pub async fn delete_topic(url: &str, name: &str) {
    let client = admin(&KafkaConfig::from_url(url).expect("a URL of ours"));
    let deleted = client.delete_topics(&[name], &AdminOptions::new()).await;
    for one in deleted.expect("the cluster answers") {
        one.expect("the topic is deleted");
    }
    let until = Instant::now() + PATIENCE;
    let is_there = || {
        let found = client.inner().fetch_metadata(None, PATIENCE);
        let found = found.expect("the cluster answers");
        found.topics().iter().any(|topic| topic.name() == name)
    };
    while is_there() {
        assert!(Instant::now() < until, "{name} does not go away");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes all that a topic of ours consists of, with these settings, in the namespace of a URL.
///
/// # Panics
/// If the cluster refuses it.
pub async fn make(url: &str, topic: &str, copies: i32, settings: &[(&str, &str)]) {
    let config = KafkaConfig::from_url(url).expect("a URL of ours");
    let client = admin(&config);
    let base = format!("{}.{topic}", config.namespace);
    let suffixes = ["", "..low", "..high", "..critical", "..later"];
    let names = suffixes.map(|suffix| format!("{base}{suffix}"));
    let topics: Vec<NewTopic<'_>> = names
        .iter()
        .map(|name| {
            let new = NewTopic::new(name, 1, TopicReplication::Fixed(copies));
            settings
                .iter()
                .fold(new, |new, (key, value)| new.set(key, value))
        })
        .collect();
    let made = client.create_topics(&topics, &AdminOptions::new()).await;
    for one in made.expect("the cluster answers") {
        one.expect("the topic is made");
    }
    // Just after they are made the cluster may not show them.
    let is_there = |name: &String| {
        let found = client.inner().fetch_metadata(Some(name), PATIENCE);
        let found = found.expect("the cluster answers");
        found.topics().iter().all(|topic| topic.error().is_none())
    };
    let until = Instant::now() + PATIENCE;
    while !names.iter().all(is_there) {
        assert!(Instant::now() < until, "waited in vain for {names:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
