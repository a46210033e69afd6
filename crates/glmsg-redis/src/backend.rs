//! The broker's contract.

use std::sync::Arc;

use glmsg_broker::{
    Backend, BrokerMetrics, Capability, DeadLetterQuery, DeadLetterSelector, Finding, GroupConfig,
    GroupInfo, Health, Lag, LiveOptions, LiveReceiver, MemberInfo, Observer, Page, Published,
    ReplayQuery, Stored, SubscribeOptions, TopicConfig, TopicInfo,
};
use glmsg_core::{DeadLetter, Error, ErrorKind, GroupName, Message, Result, TopicName};

use crate::{RedisBroker, RedisSource, RedisStorage, doctor, replay};

impl Backend for RedisBroker {
    type Source = RedisSource;
    type Live = LiveReceiver;
    type Storage = RedisStorage;

    fn name(&self) -> &'static str {
        "redis"
    }

    fn capability(&self) -> Capability {
        let config = self.shared.link.config();
        let mut capability = Capability::all(config.durability);
        capability.max_payload = config.max_payload;
        capability
    }

    fn metrics(&self) -> Option<BrokerMetrics> {
        None
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }

    async fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        self.store(messages)
            .await
            .map_err(|e| e.operation("publish"))
    }

    async fn subscribe(&self, options: &SubscribeOptions) -> Result<RedisSource> {
        let joined = RedisSource::join(&self.shared, options).await;
        joined.map_err(|e| e.operation("subscribe"))
    }

    async fn create_topic(&self, topic: &TopicName, config: &TopicConfig) -> Result<()> {
        config.check()?;
        let done = self.shared.create_topic(topic, config).await;
        done.map_err(|e| e.operation("create topic"))
    }

    async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        let done = self.shared.delete_topic(topic).await;
        done.map_err(|e| e.operation("delete topic"))
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        let found = self.shared.all_topics().await;
        found.map_err(|e| e.operation("topics"))
    }

    async fn topic_names(&self) -> Result<Vec<TopicName>> {
        let found = self.shared.topic_names().await;
        found.map_err(|e| e.operation("topic names"))
    }

    async fn create_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        config: &GroupConfig,
    ) -> Result<()> {
        let made = self.shared.ensure_group(topic, group, config).await;
        if made.map_err(|e| e.operation("create group"))?.is_new {
            return Ok(());
        }
        Err(Error::new(ErrorKind::AlreadyExists, "the group exists")
            .operation("create group")
            .with("topic", topic)
            .with("group", group))
    }

    async fn delete_group(&self, topic: &TopicName, group: &GroupName) -> Result<()> {
        let done = self.shared.delete_group(topic, group).await;
        done.map_err(|e| e.operation("delete group"))
    }

    async fn groups(&self, topic: &TopicName) -> Result<Vec<GroupInfo>> {
        let found = self.shared.info(topic).await;
        found
            .map(|info| info.groups)
            .map_err(|e| e.operation("groups"))
    }

    async fn members(&self, topic: &TopicName, group: &GroupName) -> Result<Vec<MemberInfo>> {
        let found = self.shared.find_members(topic, group).await;
        found.map_err(|e| e.operation("members"))
    }

    async fn lag(&self, topic: &TopicName, group: &GroupName) -> Result<Lag> {
        let found = self.shared.find_lag(topic, group).await;
        found.map_err(|e| e.operation("lag"))
    }

    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Page<DeadLetter>> {
        let found = self.shared.list_letters(query).await;
        found.map_err(|e| e.operation("dead letters"))
    }

    async fn redrive(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        let moved = self.shared.move_letters("redrive", topic, group, which);
        moved.await.map_err(|e| e.operation("redrive"))
    }

    async fn purge(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        let moved = self.shared.move_letters("purge", topic, group, which);
        moved.await.map_err(|e| e.operation("purge"))
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<Vec<Stored>> {
        let found = replay::read(&self.shared, query).await;
        found.map_err(|e| e.operation("replay"))
    }

    async fn announce(&self, messages: &[Message]) -> Result<()> {
        let done = self.shared.announce(messages).await;
        done.map_err(|e| e.operation("announce"))
    }

    async fn listen(&self, options: &LiveOptions) -> Result<LiveReceiver> {
        let begun = self.shared.listen(options).await;
        begun.map_err(|e| e.operation("listen"))
    }

    async fn storage(&self) -> Result<RedisStorage> {
        RedisStorage::open(&self.shared).map_err(|e| e.operation("storage"))
    }

    async fn health(&self) -> Health {
        self.shared.check_health().await
    }

    async fn doctor(&self) -> Result<Vec<Finding>> {
        self.shared.check_open()?;
        let found = doctor::examine(&self.shared.link).await;
        found.map_err(|e| e.operation("doctor"))
    }

    async fn close(&self) -> Result<()> {
        self.shared.await_leaving().await;
        self.shared.closed.send_replace(true);
        self.shared.link.close();
        Ok(())
    }
}
