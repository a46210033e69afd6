//! The raw twins' way to the cluster: the `rdkafka` crate alone, with a topic of their own.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;

use super::cluster::{Cluster, Namespace, PARTITIONS};
use crate::Outcome;
use crate::outcome::must_equal;

/// How long the cluster may take for a question.
const PATIENCE: Duration = Duration::from_secs(30);

/// The library's settings: idempotent, acks=all, nothing waits for company.
pub(crate) fn producer(cluster: &Cluster) -> Outcome<ClientConfig> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", cluster.servers()?)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "0")
        .set("partitioner", "murmur2_random");
    Ok(config)
}

/// A consumer that stores offsets by itself, and commits what is stored.
pub(crate) fn consumer(cluster: &Cluster, group: &str) -> Outcome<ClientConfig> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", cluster.servers()?)
        .set("group.id", group)
        .set("enable.auto.offset.store", "false")
        .set("enable.auto.commit", "true")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        // As the library's: by default a full buffer is looked at again after a second.
        .set("fetch.queue.backoff.ms", "20")
        .set("partition.assignment.strategy", "cooperative-sticky");
    Ok(config)
}

/// Makes the topic of a twin.
pub(crate) async fn create(cluster: &Cluster, namespace: &Namespace) -> Outcome<String> {
    let name = namespace.raw_topic();
    let admin: AdminClient<DefaultClientContext> = producer(cluster)?.create()?;
    let topic = NewTopic::new(&name, PARTITIONS, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    for made in admin.create_topics([&topic], &options).await? {
        made.map_err(|(_, code)| KafkaError::AdminOp(code))?;
    }
    Ok(name)
}

/// Fails unless the topic holds exactly `count` records.
pub(crate) async fn must_hold(cluster: &Cluster, topic: String, count: u64) -> Outcome<()> {
    let consumer: BaseConsumer = consumer(cluster, "raw-count")?.create()?;
    let counted = tokio::task::spawn_blocking(move || {
        (0..PARTITIONS).try_fold(0, |sum, partition| {
            let (low, high) = consumer.fetch_watermarks(&topic, partition, PATIENCE)?;
            Ok::<i64, KafkaError>(sum + high - low)
        })
    });
    must_equal("records stored", u64::try_from(counted.await??)?, count)
}
