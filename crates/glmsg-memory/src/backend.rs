//! The broker.

use std::sync::Arc;
use std::time::Instant;

use glmsg_broker::{
    Backend, BrokerMetrics, Capability, DeadLetterQuery, DeadLetterSelector, Durability, Finding,
    GroupConfig, GroupInfo, Health, Lag, LiveOptions, LiveReceiver, MemberInfo, Observer, Page,
    Published, ReplayQuery, Stored, SubscribeOptions, TopicConfig, TopicInfo,
};
use glmsg_core::{DeadLetter, GroupName, Message, Result, TopicName, limits};
use tokio::task::coop::consume_budget;

use crate::shared::Shared;
use crate::{MemoryConfig, MemorySource, MemoryStorage};

/// A broker in this process's memory. A clone is another handle on the same broker; when the last
/// is gone, so are the messages.
#[derive(Debug, Clone)]
pub struct MemoryBroker {
    pub(crate) shared: Arc<Shared>,
}

impl Default for MemoryBroker {
    fn default() -> Self {
        Self::new(MemoryConfig::default())
    }
}

impl MemoryBroker {
    /// A new, empty broker. Bounds that are out of range are brought into it: the payload's to at
    /// most 16 MiB, a topic's length to 1 to 2^32. Topics have no frames.
    pub fn new(mut config: MemoryConfig) -> Self {
        config.max_payload = config.max_payload.min(limits::MAX_PAYLOAD);
        config.topic.max_len = config.topic.max_len.clamp(1, 1 << 32);
        config.topic.frames = None;
        let clock = config.clock.clone();
        let shared = Arc::new(Shared::new(config));
        let weak = Arc::downgrade(&shared);
        clock.on_change(Arc::new(move || {
            if let Some(shared) = weak.upgrade() {
                shared.time_changed();
            }
        }));
        Self { shared }
    }
}

impl Backend for MemoryBroker {
    type Source = MemorySource;
    type Live = LiveReceiver;
    type Storage = MemoryStorage;

    fn name(&self) -> &'static str {
        "memory"
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::all(Durability::Volatile);
        capability.multi_process = false;
        // There is nothing to save in memory.
        capability.frames = false;
        capability.max_payload = self.shared.config.max_payload;
        capability
    }

    fn metrics(&self) -> Option<BrokerMetrics> {
        None
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }

    async fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        consume_budget().await;
        self.store(messages)
    }

    async fn subscribe(&self, options: &SubscribeOptions) -> Result<MemorySource> {
        self.join(options)
    }

    async fn create_topic(&self, topic: &TopicName, config: &TopicConfig) -> Result<()> {
        self.set_topic(topic, config)
            .map_err(|e| e.operation("create topic"))
    }

    async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        let deleted = self.shared.delete_topic(topic);
        deleted.map_err(|e| e.operation("delete topic"))
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        self.list_topics().map_err(|e| e.operation("topics"))
    }

    async fn create_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        config: &GroupConfig,
    ) -> Result<()> {
        let created = self.new_group(topic, group, config);
        created.map_err(|e| e.operation("create group"))
    }

    async fn delete_group(&self, topic: &TopicName, group: &GroupName) -> Result<()> {
        self.remove_group(topic, group)
            .map_err(|e| e.operation("delete group"))
    }

    async fn groups(&self, topic: &TopicName) -> Result<Vec<GroupInfo>> {
        self.list_groups(topic).map_err(|e| e.operation("groups"))
    }

    async fn members(&self, topic: &TopicName, group: &GroupName) -> Result<Vec<MemberInfo>> {
        self.list_members(topic, group)
            .map_err(|e| e.operation("members"))
    }

    async fn lag(&self, topic: &TopicName, group: &GroupName) -> Result<Lag> {
        self.group_lag(topic, group).map_err(|e| e.operation("lag"))
    }

    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Page<DeadLetter>> {
        self.list_dead(query)
            .map_err(|e| e.operation("dead letters"))
    }

    async fn redrive(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.redrive_dead(topic, group, which)
            .map_err(|e| e.operation("redrive"))
    }

    async fn purge(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.purge_dead(topic, group, which)
            .map_err(|e| e.operation("purge"))
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<Vec<Stored>> {
        self.read(query)
    }

    async fn announce(&self, messages: &[Message]) -> Result<()> {
        consume_budget().await;
        self.tell(messages).map_err(|e| e.operation("announce"))
    }

    async fn listen(&self, options: &LiveOptions) -> Result<LiveReceiver> {
        self.hear(options).map_err(|e| e.operation("listen"))
    }

    async fn storage(&self) -> Result<MemoryStorage> {
        self.shared.check_open()?;
        Ok(MemoryStorage::new(self.shared.clone()))
    }

    async fn health(&self) -> Health {
        let started = Instant::now();
        let topics = match self.list_topics() {
            Ok(topics) => topics,
            Err(error) => return Health::unhealthy(started.elapsed(), error.to_string()),
        };
        let messages: u64 = topics.iter().map(|t| t.messages).sum();
        let dead_letters: u64 = topics.iter().map(|t| t.dead_letters).sum();
        let config = &self.shared.config;
        let mut health = Health::healthy(started.elapsed())
            .detail("topics", topics.len())
            .detail("messages", messages)
            .detail("dead_letters", dead_letters)
            .detail("manual_clock", config.clock.is_manual());
        if !config.label.is_empty() {
            health = health.detail("label", &config.label);
        }
        health
    }

    async fn doctor(&self) -> Result<Vec<Finding>> {
        self.examine().map_err(|e| e.operation("doctor"))
    }

    async fn close(&self) -> Result<()> {
        self.shared.close();
        Ok(())
    }
}
