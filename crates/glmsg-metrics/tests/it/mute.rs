//! A broker some parts of which give no answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use glmsg_broker::{
    Backend, BoxLiveSource, BoxSource, BoxStorage, Broker, BrokerMetrics, Capability,
    DeadLetterQuery, DeadLetterSelector, Finding, GroupConfig, GroupInfo, Health, Lag, LiveOptions,
    MemberInfo, Observer, Page, Published, ReplayQuery, Stored, SubscribeOptions, TopicConfig,
    TopicInfo,
};
use glmsg_core::{DeadLetter, GroupName, Message, Result, TopicName};
use glmsg_memory::MemoryBroker;

/// A broker in memory some parts of which give no answer.
#[derive(Debug, Default)]
pub(crate) struct Mute {
    inner: MemoryBroker,
    silent: Arc<Silent>,
}

/// What gives no answer: `topics`, the groups of a `TOPIC`, or the lag of `TOPIC/GROUP`.
#[derive(Debug, Default)]
pub(crate) struct Silent(Mutex<BTreeSet<String>>);

impl Silent {
    pub(crate) fn set<const N: usize>(&self, parts: [&str; N]) {
        *self.0.lock().unwrap() = parts.map(str::to_owned).into();
    }

    async fn pass(&self, part: String) {
        let is_silent = self.0.lock().unwrap().contains(&part);
        if is_silent {
            std::future::pending::<()>().await;
        }
    }
}

impl Mute {
    pub(crate) fn silent(&self) -> Arc<Silent> {
        self.silent.clone()
    }

    fn broker(&self) -> &dyn Broker {
        &self.inner
    }
}

impl Backend for Mute {
    type Source = BoxSource;
    type Live = BoxLiveSource;
    type Storage = BoxStorage;

    async fn topic_names(&self) -> Result<Vec<TopicName>> {
        self.silent.pass("topics".to_owned()).await;
        self.broker().topic_names().await
    }
    async fn groups(&self, topic: &TopicName) -> Result<Vec<GroupInfo>> {
        self.silent.pass(topic.to_string()).await;
        self.broker().groups(topic).await
    }
    async fn lag(&self, topic: &TopicName, group: &GroupName) -> Result<Lag> {
        self.silent.pass(format!("{topic}/{group}")).await;
        self.broker().lag(topic, group).await
    }

    fn name(&self) -> &'static str {
        self.broker().name()
    }
    fn capability(&self) -> Capability {
        self.broker().capability()
    }
    fn metrics(&self) -> Option<BrokerMetrics> {
        self.broker().metrics()
    }
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.broker().observer()
    }
    async fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        self.broker().publish(messages).await
    }
    async fn subscribe(&self, options: &SubscribeOptions) -> Result<BoxSource> {
        self.broker().open_source(options).await
    }
    async fn create_topic(&self, topic: &TopicName, config: &TopicConfig) -> Result<()> {
        self.broker().create_topic(topic, config).await
    }
    async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        self.broker().delete_topic(topic).await
    }
    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        self.broker().topics().await
    }
    async fn create_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        config: &GroupConfig,
    ) -> Result<()> {
        self.broker().create_group(topic, group, config).await
    }
    async fn delete_group(&self, topic: &TopicName, group: &GroupName) -> Result<()> {
        self.broker().delete_group(topic, group).await
    }
    async fn members(&self, topic: &TopicName, group: &GroupName) -> Result<Vec<MemberInfo>> {
        self.broker().members(topic, group).await
    }
    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Page<DeadLetter>> {
        self.broker().dead_letters(query).await
    }
    async fn redrive(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.broker().redrive(topic, group, which).await
    }
    async fn purge(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.broker().purge(topic, group, which).await
    }
    async fn replay(&self, query: &ReplayQuery) -> Result<Vec<Stored>> {
        self.broker().replay(query).await
    }
    async fn announce(&self, messages: &[Message]) -> Result<()> {
        self.broker().announce(messages).await
    }
    async fn listen(&self, options: &LiveOptions) -> Result<BoxLiveSource> {
        self.broker().open_live(options).await
    }
    async fn storage(&self) -> Result<BoxStorage> {
        self.broker().open_storage().await
    }
    async fn health(&self) -> Health {
        self.broker().health().await
    }
    async fn doctor(&self) -> Result<Vec<Finding>> {
        self.broker().doctor().await
    }
    async fn close(&self) -> Result<()> {
        self.broker().close().await
    }
}
