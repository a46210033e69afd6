//! Making topics as they are asked for, and deleting topics and groups.

use glmsg_broker::TopicConfig;
use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName};

use crate::broker::{no_group, no_topic};
use crate::cluster::Cluster;

impl Cluster {
    pub(crate) async fn create_topic(&self, topic: &TopicName, config: &TopicConfig) -> Result<()> {
        let standard = TopicConfig::default();
        let what = if config.frames.is_some() {
            "frames"
        } else if config.max_len != standard.max_len || config.overflow != standard.overflow {
            "a bound by the number of messages"
        } else {
            let names = self.names(topic)?;
            self.make_topic(&names, config).await?;
            return self
                .verify(&self.wanted_of(&names, Some(config.max_age)))
                .await;
        };
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("the Kafka broker has no {what}"),
        )
        .with("topic", topic)
        .remedy("bound the topic by max_age, or use another broker"))
    }

    pub(crate) async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        let (names, _) = self.find_topic(topic).await?;
        let groups = self.groups_of(&names).await?;
        self.known.forget(topic);
        let mut all: Vec<&str> = Vec::new();
        for group in groups.values() {
            all.extend([&*group.retry, &*group.dead]);
        }
        all.extend(names.all());
        // Brokers show for a moment what was deleted.
        if !self.link.delete(&all).await? {
            return Err(no_topic(topic));
        }
        for (group, found) in &groups {
            self.end_group(topic, group).await;
            self.link.forget_groups(&[&found.id]).await;
        }
        Ok(())
    }

    pub(crate) async fn delete_group(&self, topic: &TopicName, group: &GroupName) -> Result<()> {
        let names = self.find_group(topic, group).await?;
        if !self.link.delete(&[&names.retry, &names.dead]).await? {
            return Err(no_group(topic, group));
        }
        self.end_group(topic, group).await;
        self.link.forget_groups(&[&names.id]).await;
        Ok(())
    }

    /// Ends what this process does for a group that is gone.
    async fn end_group(&self, topic: &TopicName, group: &GroupName) {
        if let Some(here) = self.group_here(topic, group) {
            here.fail(no_group(topic, group));
            here.await_end().await;
        }
    }
}
