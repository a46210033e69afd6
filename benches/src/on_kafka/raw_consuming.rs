//! The raw twin of consuming: a BaseConsumer that polls, and stores each offset.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::FutureProducer;

use super::cluster::{Cluster, Namespace};
use super::raw;
use super::raw_publishing::send;
use crate::served::progress::Progress;
use crate::{Measured, Outcome, sample};

/// How many records are sent before they are awaited when the topic is filled.
const FILL: u64 = 1000;
/// How long a record may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A topic where `count` records wait, for one group after the other.
#[derive(Debug, Clone)]
pub(crate) struct RawFilled {
    cluster: Cluster,
    topic: String,
    count: u64,
}

impl RawFilled {
    pub(crate) async fn open(cluster: Cluster, namespace: Namespace, count: u64) -> Outcome<Self> {
        let topic = raw::create(&cluster, &namespace).await?;
        let producer: FutureProducer = raw::producer(&cluster)?.create()?;
        let mut next = 0;
        while next < count {
            let end = count.min(next + FILL);
            let sent: Outcome<Vec<_>> = (next..end).map(|n| send(&producer, &topic, n)).collect();
            for report in sent? {
                report.await?.map_err(|(e, _)| e)?;
            }
            next = end;
        }
        raw::must_hold(&cluster, topic.clone(), count).await?;
        Ok(Self {
            cluster,
            topic,
            count,
        })
    }

    /// One consumer of a new group reads all.
    pub(crate) async fn consume(self, group: String) -> Outcome<Measured> {
        let progress = Arc::new(Progress::new(self.cluster.pid(), self.count));
        let counting = Arc::clone(&progress);
        tokio::task::spawn_blocking(move || self.poll(&group, &counting)).await??;
        progress.measured()
    }

    fn poll(&self, group: &str, progress: &Progress) -> Outcome<()> {
        let consumer: BaseConsumer = raw::consumer(&self.cluster, group)?.create()?;
        consumer.subscribe(&[&self.topic])?;
        let (mut count, mut last) = (0, Instant::now());
        while count < self.count {
            // It returns nothing also after an event that was no record.
            let Some(record) = consumer.poll(Duration::from_secs(1)) else {
                if last.elapsed() > PATIENCE {
                    return Err("a record does not come".into());
                }
                continue;
            };
            let record = record?;
            last = Instant::now();
            let payload = record.payload().unwrap_or_default();
            progress.received(sample::number(payload).unwrap_or_default());
            consumer.store_offset(record.topic(), record.partition(), record.offset())?;
            progress.acked(1);
            count += 1;
        }
        consumer.commit_consumer_state(CommitMode::Sync)?;
        Ok(())
    }
}
