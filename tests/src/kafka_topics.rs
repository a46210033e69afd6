//! Topics made past the backend, as somebody else could.

use glmsg_kafka::KafkaConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;

/// Makes all that a topic of ours consists of, with these settings, in the namespace of a URL.
///
/// # Panics
/// If the cluster refuses it.
pub async fn make(url: &str, topic: &str, copies: i32, settings: &[(&str, &str)]) {
    let config = KafkaConfig::from_url(url).expect("a URL of ours");
    let servers: Vec<String> = config.servers.iter().map(ToString::to_string).collect();
    let client: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", servers.join(","))
        .create()
        .expect("a client");
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
}
