//! The layer that counts.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use glmsg_core::{Clock, DeadLetter, GroupName, Message, Result, SystemClock, TopicName};

use crate::{
    Backend, BoxLiveSource, BoxSettler, BoxSource, BoxStorage, Broker, BrokerMetrics, Capability,
    DeadLetterQuery, DeadLetterSelector, Finding, GroupConfig, GroupInfo, Health, Intake, Lag,
    Layer, LiveOptions, MemberInfo, Nack, Observer, Page, Published, Received, ReplayQuery,
    Settled, Settler, Source, Stored, SubscribeOptions, Token, TopicConfig, TopicInfo,
};

/// Counts what goes through a broker into a [`BrokerMetrics`].
#[derive(Debug, Clone, Default)]
pub struct MetricsLayer {
    metrics: BrokerMetrics,
}

impl MetricsLayer {
    /// A layer that counts into new metrics.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Layer for MetricsLayer {
    fn layer(&self, inner: Arc<dyn Broker>) -> Arc<dyn Broker> {
        Arc::new(Metered {
            inner,
            metrics: self.metrics.clone(),
        })
    }
}

struct Metered {
    inner: Arc<dyn Broker>,
    metrics: BrokerMetrics,
}

impl Backend for Metered {
    type Source = MeteredSource;
    type Live = BoxLiveSource;
    type Storage = BoxStorage;

    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capability(&self) -> Capability {
        self.inner.capability()
    }

    fn metrics(&self) -> Option<BrokerMetrics> {
        Some(self.metrics.clone().observed_as(self.inner.metrics()))
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.inner.observer()
    }

    async fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        let started = Instant::now();
        let outcomes = self.inner.publish(messages).await;
        match &outcomes {
            Ok(outcomes) => self.metrics.record_publish(outcomes, started.elapsed()),
            Err(_) => self.metrics.record_publish_error(messages),
        }
        outcomes
    }

    async fn subscribe(&self, options: &SubscribeOptions) -> Result<MeteredSource> {
        Ok(MeteredSource {
            inner: self.inner.open_source(options).await?,
            metrics: self.metrics.clone(),
        })
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

struct MeteredSource {
    inner: BoxSource,
    metrics: BrokerMetrics,
}

impl Source for MeteredSource {
    type Settler = MeteredSettler;

    fn settler(&self) -> MeteredSettler {
        MeteredSettler {
            inner: self.inner.settler(),
            metrics: self.metrics.clone(),
        }
    }

    async fn recv(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        let before = buf.len();
        let intake = self.inner.recv(buf, max).await?;
        self.metrics
            .record_intake(intake, &buf[before..], SystemClock.now());
        Ok(intake)
    }
}

struct MeteredSettler {
    inner: BoxSettler,
    metrics: BrokerMetrics,
}

impl MeteredSettler {
    fn counted(&self, settled: Result<Vec<Settled>>) -> Result<Vec<Settled>> {
        settled.inspect(|s| self.metrics.record_settled(s))
    }
}

impl Settler for MeteredSettler {
    async fn ack(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.counted(self.inner.ack(tokens).await)
    }

    async fn nack(&self, nacks: &[Nack]) -> Result<Vec<Settled>> {
        self.counted(self.inner.nack(nacks).await)
    }

    async fn release(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.counted(self.inner.release(tokens).await)
    }

    async fn extend(&self, tokens: &[Token], lease: Duration) -> Result<Vec<Settled>> {
        // A lost lease shows as a stale settlement when it is settled, so it is not counted here.
        self.inner.extend(tokens, lease).await
    }
}

impl fmt::Debug for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metered").field(&self.inner).finish()
    }
}
