//! A topic as any client of Kafka's sees it.

use rdkafka::config::ClientConfig;
use rdkafka::consumer::BaseConsumer;

/// The brokers that a URL names.
pub(crate) fn servers(url: &str) -> &str {
    let place = url.trim_start_matches("kafka://");
    place.split('?').next().unwrap_or(place)
}

/// A client of the cluster at that URL, in a group that it does not join.
pub(crate) fn client(url: &str, group: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", servers(url))
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create()
        .expect("a client")
}
