//! The contract, by way of what does each part of it.

use std::sync::Arc;

use glmsg_broker::{
    Backend, BrokerMetrics, Capability, DeadLetterQuery, DeadLetterSelector, Durability, Finding,
    GroupConfig, GroupInfo, Health, Lag, LiveOptions, LiveReceiver, MemberInfo, Observer, Page,
    Published, ReplayQuery, Stored, SubscribeOptions, TopicConfig, TopicInfo,
};
use glmsg_core::{DeadLetter, Error, ErrorKind, GroupName, Message, Result, TopicName};

use crate::names::Kind;
use crate::{KafkaBroker, KafkaSource, KafkaStorage};

fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("the Kafka broker has no {what}"),
    )
}

impl Backend for KafkaBroker {
    type Source = KafkaSource;
    type Live = LiveReceiver;
    type Storage = KafkaStorage;

    fn name(&self) -> &'static str {
        "kafka"
    }

    fn capability(&self) -> Capability {
        let mut all = Capability::all(Durability::Local);
        all.max_payload = self.shared.link.config().max_payload;
        all.idempotent_publish = false;
        all.retention = false;
        all.members = false;
        all.frames = false;
        all.live = false;
        all
    }

    fn metrics(&self) -> Option<BrokerMetrics> {
        None
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }

    async fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        self.shared
            .store(messages)
            .await
            .map_err(|e| e.operation("publish"))
    }

    async fn subscribe(&self, options: &SubscribeOptions) -> Result<KafkaSource> {
        let joined = KafkaSource::join(&self.shared, options).await;
        joined.map_err(|e| e.operation("subscribe"))
    }

    async fn create_topic(&self, topic: &TopicName, config: &TopicConfig) -> Result<()> {
        self.shared.check_open()?;
        config.check()?;
        let done = self.shared.create_topic(topic, config).await;
        done.map_err(|e| e.operation("create topic"))
    }

    async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        self.shared.check_open()?;
        let done = self.shared.delete_topic(topic).await;
        done.map_err(|e| e.operation("delete topic"))
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        self.shared.check_open()?;
        let found = self.shared.list_topics().await;
        found.map_err(|e| e.operation("topics"))
    }

    async fn topic_names(&self) -> Result<Vec<TopicName>> {
        self.shared.check_open()?;
        let found = self.shared.topic_names().await;
        found.map_err(|e| e.operation("topic names"))
    }

    async fn create_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        config: &GroupConfig,
    ) -> Result<()> {
        self.shared.check_open()?;
        let kind = Kind::Leased(config.ordering);
        let made = self
            .shared
            .ensure_group(topic, group, kind, &config.start)
            .await;
        if made.map_err(|e| e.operation("create group"))?.is_new {
            return Ok(());
        }
        Err(Error::new(ErrorKind::AlreadyExists, "the group exists")
            .operation("create group")
            .with("topic", topic)
            .with("group", group))
    }

    async fn delete_group(&self, topic: &TopicName, group: &GroupName) -> Result<()> {
        self.shared.check_open()?;
        let done = self.shared.delete_group(topic, group).await;
        done.map_err(|e| e.operation("delete group"))
    }

    async fn groups(&self, topic: &TopicName) -> Result<Vec<GroupInfo>> {
        self.shared.check_open()?;
        let found = self.shared.find_groups(topic).await;
        found.map_err(|e| e.operation("groups"))
    }

    async fn members(&self, _topic: &TopicName, _group: &GroupName) -> Result<Vec<MemberInfo>> {
        Err(unsupported("list of members").operation("members"))
    }

    async fn lag(&self, topic: &TopicName, group: &GroupName) -> Result<Lag> {
        self.shared.check_open()?;
        let found = self.shared.find_lag(topic, group).await;
        found.map_err(|e| e.operation("lag"))
    }

    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Page<DeadLetter>> {
        self.shared.check_open()?;
        let found = self.shared.list_letters(query).await;
        found.map_err(|e| e.operation("dead letters"))
    }

    async fn redrive(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.shared.check_open()?;
        let cluster = &self.shared.cluster;
        let moved = cluster.settle_letters(topic, group, which, true).await;
        moved.map_err(|e| e.operation("redrive"))
    }

    async fn purge(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.shared.check_open()?;
        let cluster = &self.shared.cluster;
        let moved = cluster.settle_letters(topic, group, which, false).await;
        moved.map_err(|e| e.operation("purge"))
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<Vec<Stored>> {
        self.shared.check_open()?;
        let found = self.shared.read(query).await;
        found.map_err(|e| e.operation("replay"))
    }

    async fn announce(&self, _messages: &[Message]) -> Result<()> {
        Err(unsupported("live messages").operation("announce"))
    }

    async fn listen(&self, _options: &LiveOptions) -> Result<LiveReceiver> {
        Err(unsupported("live messages").operation("listen"))
    }

    async fn storage(&self) -> Result<KafkaStorage> {
        let opened = KafkaStorage::open(&self.shared).await;
        opened.map_err(|e| e.operation("open storage"))
    }

    async fn health(&self) -> Health {
        self.shared.check_health().await
    }

    async fn doctor(&self) -> Result<Vec<Finding>> {
        self.shared.check_open()?;
        let found = self.shared.examine().await;
        found.map_err(|e| e.operation("doctor"))
    }

    async fn close(&self) -> Result<()> {
        if *self.shared.closed.borrow() {
            return Ok(());
        }
        self.shared.end().await.map_err(|e| e.operation("close"))
    }
}
