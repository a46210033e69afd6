//! A broker around a broker whose receiving, settling and lag can be watched, or bent.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    Backend, BoxLiveSource, BoxSettler, BoxSource, BoxStorage, Broker, BrokerMetrics, Capability,
    DeadLetterQuery, DeadLetterSelector, Finding, GroupConfig, GroupInfo, Health, Intake, Lag,
    LiveOptions, MemberInfo, Nack, Observer, Page, Published, Received, ReplayQuery, Settled,
    Settler, Source, Stored, SubscribeOptions, Token, TopicConfig, TopicInfo,
};
use glmsg_core::{DeadLetter, GroupName, Message, Result, TopicName};

/// What happens where an [`Interposed`] broker hands deliveries out and takes settlements in. By
/// default it passes everything on.
///
/// The suite watches the consumer runtime through it. A test of the suite itself bends a sound
/// backend with it, to see that the suite notices.
pub trait Hooks: Send + Sync + 'static {
    /// Deliveries are about to be handed out; `settler` is the inner broker's.
    fn received(
        &self,
        deliveries: &[Received],
        settler: &BoxSettler,
    ) -> impl Future<Output = ()> + Send {
        let _ = (deliveries, settler);
        async {}
    }

    /// Passes on an ack.
    fn ack(
        &self,
        tokens: &[Token],
        settler: &BoxSettler,
    ) -> impl Future<Output = Result<Vec<Settled>>> + Send {
        settler.ack(tokens)
    }

    /// Passes on a nack.
    fn nack(
        &self,
        nacks: &[Nack],
        settler: &BoxSettler,
    ) -> impl Future<Output = Result<Vec<Settled>>> + Send {
        settler.nack(nacks)
    }

    /// Passes on a release.
    fn release(
        &self,
        tokens: &[Token],
        settler: &BoxSettler,
    ) -> impl Future<Output = Result<Vec<Settled>>> + Send {
        settler.release(tokens)
    }

    /// Passes on an extension.
    fn extend(
        &self,
        tokens: &[Token],
        lease: Duration,
        settler: &BoxSettler,
    ) -> impl Future<Output = Result<Vec<Settled>>> + Send {
        settler.extend(tokens, lease)
    }

    /// Passes on the question how far a group is behind.
    fn lag(
        &self,
        topic: &TopicName,
        group: &GroupName,
        broker: &Arc<dyn Broker>,
    ) -> impl Future<Output = Result<Lag>> + Send {
        async move { broker.lag(topic, group).await }
    }
}

/// A broker that passes everything on to an inner one, deliveries and settlements by way of its
/// [`Hooks`].
pub struct Interposed<H> {
    inner: Arc<dyn Broker>,
    hooks: Arc<H>,
}

impl<H: Hooks> Interposed<H> {
    /// Puts `hooks` before `inner`.
    pub fn new(inner: Arc<dyn Broker>, hooks: Arc<H>) -> Self {
        Self { inner, hooks }
    }
}

impl<H> fmt::Debug for Interposed<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interposed").field(&self.inner).finish()
    }
}

impl<H: Hooks> Backend for Interposed<H> {
    type Source = InterposedSource<H>;
    type Live = BoxLiveSource;
    type Storage = BoxStorage;

    fn name(&self) -> &'static str {
        self.inner.name()
    }
    fn capability(&self) -> Capability {
        self.inner.capability()
    }
    fn metrics(&self) -> Option<BrokerMetrics> {
        self.inner.metrics()
    }
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.inner.observer()
    }
    async fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        self.inner.publish(messages).await
    }
    async fn subscribe(&self, options: &SubscribeOptions) -> Result<InterposedSource<H>> {
        let inner = self.inner.open_source(options).await?;
        Ok(InterposedSource {
            settler: Source::settler(&inner),
            inner,
            hooks: self.hooks.clone(),
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
        self.hooks.lag(topic, group, &self.inner).await
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

/// The deliveries of an [`Interposed`] broker.
pub struct InterposedSource<H> {
    inner: BoxSource,
    settler: BoxSettler,
    hooks: Arc<H>,
}

impl<H> fmt::Debug for InterposedSource<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InterposedSource")
    }
}

impl<H: Hooks> Source for InterposedSource<H> {
    type Settler = InterposedSettler<H>;

    fn settler(&self) -> InterposedSettler<H> {
        InterposedSettler {
            inner: self.settler.clone(),
            hooks: self.hooks.clone(),
        }
    }

    async fn recv(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        let before = buf.len();
        let intake = self.inner.recv(buf, max).await?;
        self.hooks.received(&buf[before..], &self.settler).await;
        Ok(intake)
    }
}

/// The settlements of an [`Interposed`] broker.
pub struct InterposedSettler<H> {
    inner: BoxSettler,
    hooks: Arc<H>,
}

impl<H> fmt::Debug for InterposedSettler<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InterposedSettler")
    }
}

impl<H: Hooks> Settler for InterposedSettler<H> {
    async fn ack(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.hooks.ack(tokens, &self.inner).await
    }
    async fn nack(&self, nacks: &[Nack]) -> Result<Vec<Settled>> {
        self.hooks.nack(nacks, &self.inner).await
    }
    async fn release(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.hooks.release(tokens, &self.inner).await
    }
    async fn extend(&self, tokens: &[Token], lease: Duration) -> Result<Vec<Settled>> {
        self.hooks.extend(tokens, lease, &self.inner).await
    }
}
