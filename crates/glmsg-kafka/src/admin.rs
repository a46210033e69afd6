//! Listing and deleting topics and groups.

use std::time::Duration;

use glmsg_broker::{GroupInfo, TopicConfig, TopicInfo};
use glmsg_core::{Error, ErrorKind, GroupName, Result, Timestamp, TopicName};

use crate::broker::{no_group, no_topic};
use crate::cluster::Cluster;
use crate::connection::{Place, Topics, partitions};
use crate::names::{GroupNames, Part, TopicNames, read};

/// How often it is looked again for a topic that changes while it is looked at, and how long between.
const LOOKS: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

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
            here.close();
            here.await_end().await;
        }
    }

    async fn groups_of(
        &self,
        names: &TopicNames,
    ) -> Result<std::collections::BTreeMap<GroupName, GroupNames>> {
        let all = self.link.all_topics().await?;
        let namespace = &self.link.config().namespace;
        let mut groups = std::collections::BTreeMap::new();
        let prefix = format!("{}..", names.base());
        for name in all.keys().filter(|name| name.starts_with(&prefix)) {
            if let Some(Part::Group(_, group, kind)) = read(namespace, name) {
                let found = GroupNames::new(names, &group, kind)?;
                groups.insert(group, found);
            }
        }
        Ok(groups)
    }

    pub(crate) async fn all_topics(&self) -> Result<Vec<TopicInfo>> {
        let all = self.link.all_topics().await?;
        let namespace = &self.link.config().namespace;
        let mut topics = Vec::new();
        for name in all.keys() {
            let Some(Part::Topic(topic)) = read(namespace, name) else {
                continue;
            };
            topics.extend(self.info_if_there(name, &topic, &all).await?);
        }
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// What there is to know of a topic, unless it was deleted since `all` was looked for. What was
    /// just made or deleted is not known to every broker at once.
    async fn info_if_there(
        &self,
        name: &str,
        topic: &TopicName,
        all: &Topics,
    ) -> Result<Option<TopicInfo>> {
        let mut found = self.info(topic, all).await;
        for _ in 0..LOOKS {
            match found {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                done => return done.map(Some),
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
            let all = self.link.all_topics().await?;
            if !all.contains_key(name) {
                return Ok(None);
            }
            found = self.info(topic, &all).await;
        }
        found.map(Some)
    }

    async fn info(&self, topic: &TopicName, all: &Topics) -> Result<TopicInfo> {
        let names = self.names(topic)?;
        let of = |wanted: &dyn Fn(&str) -> bool| -> Topics {
            let found = all.iter().filter(|(name, _)| wanted(name));
            found.map(|(name, count)| (name.clone(), *count)).collect()
        };
        let lanes = of(&|name| names.lanes.iter().any(|lane| lane == name));
        let messages = self.count(partitions(&lanes)).await?;
        let (due, scheduled) = self.count_scheduled(&names).await?;
        let groups = self.groups_of(&names).await?;
        let mut dead_letters = 0;
        for group in groups.values() {
            dead_letters += self.letters(group).await?;
        }
        Ok(TopicInfo {
            name: topic.clone(),
            messages: messages + due + scheduled,
            scheduled,
            groups: groups.len() as u64,
            dead_letters,
            config: self.link.config().topic.clone(),
        })
    }

    async fn count(&self, all: Vec<(String, i32)>) -> Result<u64> {
        let begins = self.link.offsets(all.clone(), Place::Begin).await?;
        let ends = self.link.offsets(all, Place::End).await?;
        let each = ends.iter().map(|(partition, end)| {
            let begin = begins.get(partition).copied().unwrap_or(*end);
            u64::try_from(end - begin).unwrap_or(0)
        });
        Ok(each.sum())
    }

    pub(crate) async fn find_groups(&self, topic: &TopicName) -> Result<Vec<GroupInfo>> {
        let (names, _) = self.find_topic(topic).await?;
        let groups = self.groups_of(&names).await?;
        let mut infos = Vec::with_capacity(groups.len());
        for (group, found) in groups {
            let members = self.link.count_members(&found.id).await?;
            let here = self.group_here(topic, &group);
            let sources = here.map_or(0, |here| here.sources());
            infos.push(GroupInfo {
                topic: topic.clone(),
                name: group,
                ordering: found.kind.ordering(),
                members: if sources > 0 {
                    members.saturating_sub(1) + sources
                } else {
                    members
                },
                created_at: Timestamp::from_micros(0),
            });
        }
        Ok(infos)
    }
}
