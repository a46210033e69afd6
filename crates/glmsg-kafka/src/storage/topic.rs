//! The topic of a namespace's storage.

use glmsg_core::{Error, ErrorKind, Result};
use rdkafka::admin::{NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;

use crate::cluster::Cluster;
use crate::error::{from_code, from_kafka};
use crate::names;

/// How many partitions it has. A key's partition follows from it, so it never changes.
pub(super) const PARTITIONS: i32 = 8;
/// A segment that is being written is not compacted, and is read by whoever begins.
const SEGMENT_BYTES: usize = 64 << 20;

impl Cluster {
    /// The name of the topic; it is made if it is not there.
    pub(super) async fn ensure_storage(&self) -> Result<String> {
        let name = names::storage(&self.link.config().namespace)?;
        let mut found = self.link.find_topics([&*name]).await?;
        if found.is_empty() {
            self.make_storage(&name).await?;
            found = self.link.await_topics(&[&name]).await?;
            self.link.await_all(&[&name]).await;
        }
        let has = found.get(&name).copied().unwrap_or(0);
        if has < PARTITIONS {
            let text = format!("the storage has {has} partitions, and needs {PARTITIONS}");
            return Err(Error::new(ErrorKind::ConfigInvalid, text)
                .with("topic", name)
                .remedy("delete it, if nothing is kept in it, and let glmsg make it"));
        }
        self.verify(&[self.wanted_of_storage(&name)]).await?;
        Ok(name)
    }

    async fn make_storage(&self, name: &str) -> Result<()> {
        let config = self.link.config();
        let most = config.max_change();
        let (segment, most) = (SEGMENT_BYTES.max(most).to_string(), most.to_string());
        let insync = config.min_insync.map(|n| n.to_string());
        let replication = TopicReplication::Fixed(config.replication_factor());
        let mut new = NewTopic::new(name, PARTITIONS, replication)
            .set("cleanup.policy", "compact")
            .set("retention.ms", "-1")
            .set("retention.bytes", "-1")
            .set("segment.bytes", &segment)
            // Who is a little behind reads what there was, and who reads all of it meets the tombstones.
            .set("min.compaction.lag.ms", "600000")
            .set("delete.retention.ms", "86400000")
            .set("max.message.bytes", &most)
            .set("message.timestamp.type", "LogAppendTime");
        if let Some(insync) = &insync {
            new = new.set("min.insync.replicas", insync);
        }
        let (news, options) = ([new], self.link.options());
        let made = self.link.admin().create_topics(&news, &options);
        for one in made.await.map_err(|e| from_kafka(&e, true))? {
            match one {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => return Err(from_code(code, true).with("name", name)),
            }
        }
        Ok(())
    }
}
