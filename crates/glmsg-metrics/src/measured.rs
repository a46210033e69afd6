//! The broker around a broker that counts.

mod settler;
mod source;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use glmsg_broker::{
    Backend, BoxLiveSource, BoxStorage, Broker, BrokerMetrics, Capability, DeadLetterQuery,
    DeadLetterSelector, Finding, GroupConfig, GroupInfo, Health, Lag, LiveOptions, MemberInfo,
    Observer, Page, Published, ReplayQuery, Stored, SubscribeOptions, TopicConfig, TopicInfo,
};
use glmsg_core::{DeadLetter, GroupName, Message, Result, TopicName};

use self::source::MeasuredSource;
use crate::series::{Refusal, TopicSeries};
use crate::store::Store;

pub(crate) struct Measured {
    inner: Arc<dyn Broker>,
    store: Arc<Store>,
}

impl Measured {
    pub(crate) fn new(inner: Arc<dyn Broker>, store: Arc<Store>) -> Self {
        Self { inner, store }
    }
}

/// The stretches of messages of one topic: where each begins and ends.
fn stretches(messages: &[Message]) -> impl Iterator<Item = (usize, &[Message])> {
    let mut at = 0;
    let same = |a: &Message, b: &Message| a.topic() == b.topic();
    messages.chunk_by(same).map(move |stretch| {
        let begin = at;
        at += stretch.len();
        (begin, stretch)
    })
}

impl Backend for Measured {
    type Source = MeasuredSource;
    type Live = BoxLiveSource;
    type Storage = BoxStorage;

    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capability(&self) -> Capability {
        self.inner.capability()
    }

    fn metrics(&self) -> Option<BrokerMetrics> {
        let metrics = self.inner.metrics()?;
        Some(metrics.observed_by(self.store.clone()))
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.inner.observer()
    }

    async fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        let started = Instant::now();
        let outcomes = self.inner.publish(messages).await;
        let took = started.elapsed();
        // Whose call it was already: one call is timed once for a topic, however its messages lie.
        let mut timed: Vec<Arc<TopicSeries>> = Vec::new();
        for (begin, stretch) in stretches(messages) {
            let series = self.store.topics.get(stretch[0].topic());
            match &outcomes {
                Ok(outcomes) => {
                    let end = (begin + stretch.len()).min(outcomes.len());
                    series.published(&outcomes[begin.min(end)..end]);
                    if !timed.iter().any(|other| Arc::ptr_eq(other, &series)) {
                        series.publish.add(took);
                        // Of one topic alone nothing is kept.
                        if stretch.len() < messages.len() {
                            timed.push(series);
                        }
                    }
                }
                Err(error) => series.refused(Refusal::of(error), stretch.len() as u64),
            }
        }
        outcomes
    }

    async fn subscribe(&self, options: &SubscribeOptions) -> Result<MeasuredSource> {
        let inner = self.inner.open_source(options).await?;
        let group = (options.topic.clone(), options.group.clone());
        Ok(MeasuredSource::new(inner, self.store.groups.get(&group)))
    }

    async fn create_topic(&self, topic: &TopicName, config: &TopicConfig) -> Result<()> {
        self.inner.create_topic(topic, config).await
    }

    async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        self.inner.delete_topic(topic).await
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        self.inner.topics().await
    }

    async fn topic_names(&self) -> Result<Vec<TopicName>> {
        self.inner.topic_names().await
    }

    async fn create_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        config: &GroupConfig,
    ) -> Result<()> {
        self.inner.create_group(topic, group, config).await
    }

    async fn delete_group(&self, topic: &TopicName, group: &GroupName) -> Result<()> {
        self.inner.delete_group(topic, group).await
    }

    async fn groups(&self, topic: &TopicName) -> Result<Vec<GroupInfo>> {
        self.inner.groups(topic).await
    }

    async fn members(&self, topic: &TopicName, group: &GroupName) -> Result<Vec<MemberInfo>> {
        self.inner.members(topic, group).await
    }

    async fn lag(&self, topic: &TopicName, group: &GroupName) -> Result<Lag> {
        self.inner.lag(topic, group).await
    }

    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Page<DeadLetter>> {
        self.inner.dead_letters(query).await
    }

    async fn redrive(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.inner.redrive(topic, group, which).await
    }

    async fn purge(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.inner.purge(topic, group, which).await
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<Vec<Stored>> {
        self.inner.replay(query).await
    }

    async fn announce(&self, messages: &[Message]) -> Result<()> {
        self.inner.announce(messages).await
    }

    async fn listen(&self, options: &LiveOptions) -> Result<BoxLiveSource> {
        self.inner.open_live(options).await
    }

    async fn storage(&self) -> Result<BoxStorage> {
        self.inner.open_storage().await
    }

    async fn health(&self) -> Health {
        self.inner.health().await
    }

    async fn doctor(&self) -> Result<Vec<Finding>> {
        self.inner.doctor().await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Measured").field(&self.inner).finish()
    }
}
