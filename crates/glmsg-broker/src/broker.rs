//! The contract that users hold: a [`Backend`] with its types erased, once.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{DeadLetter, GroupName, Message, Result, TopicName};

use crate::{
    Backend, BoxLiveSource, BoxStorage, BrokerMetrics, Capability, DeadLetterQuery,
    DeadLetterSelector, Finding, GroupConfig, GroupInfo, Health, Intake, Lag, LiveOptions,
    MemberInfo, Nack, Observer, Page, Published, Received, ReplayQuery, Settled, Settler, Source,
    Stored, SubscribeOptions, Token, TopicConfig, TopicInfo,
};

/// A boxed future, as the object-safe traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

mod sealed {
    pub trait Sealed {}
    impl<B: super::Backend> Sealed for B {}
}

/// Any broker, whatever is behind it: what users hold, as `Arc<dyn Broker>`. Every [`Backend`] is
/// one. The methods are those of [`Backend`], where their behaviour is written down; conveniences
/// are in [`BrokerExt`](crate::BrokerExt).
///
/// Futures are boxed here, once a call; a batch is one call, so a message costs next to nothing.
pub trait Broker: sealed::Sealed + Send + Sync + 'static {
    /// See [`Backend::name`].
    fn name(&self) -> &'static str;
    /// See [`Backend::capability`].
    fn capability(&self) -> Capability;
    /// See [`Backend::metrics`].
    fn metrics(&self) -> Option<BrokerMetrics>;
    /// See [`Backend::observer`].
    fn observer(&self) -> Option<Arc<dyn Observer>>;
    /// See [`Backend::publish`].
    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<Vec<Published>>>;
    /// See [`Backend::subscribe`]. Most users want [`BrokerExt::subscribe`](crate::BrokerExt::subscribe)
    /// or a [`Consumer`](crate::Consumer).
    fn open_source<'a>(&'a self, options: &'a SubscribeOptions)
    -> BoxFuture<'a, Result<BoxSource>>;
    /// See [`Backend::create_topic`].
    fn create_topic<'a>(
        &'a self,
        topic: &'a TopicName,
        config: &'a TopicConfig,
    ) -> BoxFuture<'a, Result<()>>;
    /// See [`Backend::delete_topic`].
    fn delete_topic<'a>(&'a self, topic: &'a TopicName) -> BoxFuture<'a, Result<()>>;
    /// See [`Backend::topics`].
    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>>>;
    /// See [`Backend::topic_names`].
    fn topic_names(&self) -> BoxFuture<'_, Result<Vec<TopicName>>>;
    /// See [`Backend::create_group`].
    fn create_group<'a>(
        &'a self,
        topic: &'a TopicName,
        group: &'a GroupName,
        config: &'a GroupConfig,
    ) -> BoxFuture<'a, Result<()>>;
    /// See [`Backend::delete_group`].
    fn delete_group<'a>(
        &'a self,
        topic: &'a TopicName,
        group: &'a GroupName,
    ) -> BoxFuture<'a, Result<()>>;
    /// See [`Backend::groups`].
    fn groups<'a>(&'a self, topic: &'a TopicName) -> BoxFuture<'a, Result<Vec<GroupInfo>>>;
    /// See [`Backend::members`].
    fn members<'a>(
        &'a self,
        topic: &'a TopicName,
        group: &'a GroupName,
    ) -> BoxFuture<'a, Result<Vec<MemberInfo>>>;
    /// See [`Backend::lag`].
    fn lag<'a>(&'a self, topic: &'a TopicName, group: &'a GroupName) -> BoxFuture<'a, Result<Lag>>;
    /// See [`Backend::dead_letters`].
    fn dead_letters<'a>(
        &'a self,
        query: &'a DeadLetterQuery,
    ) -> BoxFuture<'a, Result<Page<DeadLetter>>>;
    /// See [`Backend::redrive`].
    fn redrive<'a>(
        &'a self,
        topic: &'a TopicName,
        group: &'a GroupName,
        which: &'a DeadLetterSelector,
    ) -> BoxFuture<'a, Result<u64>>;
    /// See [`Backend::purge`].
    fn purge<'a>(
        &'a self,
        topic: &'a TopicName,
        group: &'a GroupName,
        which: &'a DeadLetterSelector,
    ) -> BoxFuture<'a, Result<u64>>;
    /// See [`Backend::replay`].
    fn replay<'a>(&'a self, query: &'a ReplayQuery) -> BoxFuture<'a, Result<Vec<Stored>>>;
    /// See [`Backend::announce`].
    fn announce<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<()>>;
    /// See [`Backend::listen`]. Most users want [`BrokerExt::listen`](crate::BrokerExt::listen).
    fn open_live<'a>(&'a self, options: &'a LiveOptions) -> BoxFuture<'a, Result<BoxLiveSource>>;
    /// See [`Backend::storage`].
    fn open_storage(&self) -> BoxFuture<'_, Result<BoxStorage>>;
    /// See [`Backend::health`].
    fn health(&self) -> BoxFuture<'_, Health>;
    /// See [`Backend::doctor`].
    fn doctor(&self) -> BoxFuture<'_, Result<Vec<Finding>>>;
    /// See [`Backend::close`].
    fn close(&self) -> BoxFuture<'_, Result<()>>;
}

impl<B: Backend> Broker for B {
    fn name(&self) -> &'static str {
        Backend::name(self)
    }
    fn capability(&self) -> Capability {
        Backend::capability(self)
    }
    fn metrics(&self) -> Option<BrokerMetrics> {
        Backend::metrics(self)
    }
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Backend::observer(self)
    }
    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<Vec<Published>>> {
        Box::pin(Backend::publish(self, messages))
    }
    fn open_source<'a>(
        &'a self,
        options: &'a SubscribeOptions,
    ) -> BoxFuture<'a, Result<BoxSource>> {
        Box::pin(async move { Ok(BoxSource::new(Backend::subscribe(self, options).await?)) })
    }
    fn create_topic<'a>(
        &'a self,
        topic: &'a TopicName,
        config: &'a TopicConfig,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(Backend::create_topic(self, topic, config))
    }
    fn delete_topic<'a>(&'a self, topic: &'a TopicName) -> BoxFuture<'a, Result<()>> {
        Box::pin(Backend::delete_topic(self, topic))
    }
    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>>> {
        Box::pin(Backend::topics(self))
    }
    fn topic_names(&self) -> BoxFuture<'_, Result<Vec<TopicName>>> {
        Box::pin(Backend::topic_names(self))
    }
    fn create_group<'a>(
        &'a self,
        topic: &'a TopicName,
        group: &'a GroupName,
        config: &'a GroupConfig,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(Backend::create_group(self, topic, group, config))
    }
    fn delete_group<'a>(
        &'a self,
        topic: &'a TopicName,
        group: &'a GroupName,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(Backend::delete_group(self, topic, group))
    }
    fn groups<'a>(&'a self, topic: &'a TopicName) -> BoxFuture<'a, Result<Vec<GroupInfo>>> {
        Box::pin(Backend::groups(self, topic))
    }
    fn members<'a>(
        &'a self,
        topic: &'a TopicName,
        group: &'a GroupName,
    ) -> BoxFuture<'a, Result<Vec<MemberInfo>>> {
        Box::pin(Backend::members(self, topic, group))
    }
    fn lag<'a>(&'a self, topic: &'a TopicName, group: &'a GroupName) -> BoxFuture<'a, Result<Lag>> {
        Box::pin(Backend::lag(self, topic, group))
    }
    fn dead_letters<'a>(
        &'a self,
        query: &'a DeadLetterQuery,
    ) -> BoxFuture<'a, Result<Page<DeadLetter>>> {
        Box::pin(Backend::dead_letters(self, query))
    }
    fn redrive<'a>(
        &'a self,
        topic: &'a TopicName,
        group: &'a GroupName,
        which: &'a DeadLetterSelector,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(Backend::redrive(self, topic, group, which))
    }
    fn purge<'a>(
        &'a self,
        topic: &'a TopicName,
        group: &'a GroupName,
        which: &'a DeadLetterSelector,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(Backend::purge(self, topic, group, which))
    }
    fn replay<'a>(&'a self, query: &'a ReplayQuery) -> BoxFuture<'a, Result<Vec<Stored>>> {
        Box::pin(Backend::replay(self, query))
    }
    fn announce<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<()>> {
        Box::pin(Backend::announce(self, messages))
    }
    fn open_live<'a>(&'a self, options: &'a LiveOptions) -> BoxFuture<'a, Result<BoxLiveSource>> {
        Box::pin(async move { Ok(BoxLiveSource::new(Backend::listen(self, options).await?)) })
    }
    fn open_storage(&self) -> BoxFuture<'_, Result<BoxStorage>> {
        Box::pin(async move { Ok(BoxStorage::new(Backend::storage(self).await?)) })
    }
    fn health(&self) -> BoxFuture<'_, Health> {
        Box::pin(Backend::health(self))
    }
    fn doctor(&self) -> BoxFuture<'_, Result<Vec<Finding>>> {
        Box::pin(Backend::doctor(self))
    }
    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(Backend::close(self))
    }
}

impl fmt::Debug for dyn Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Broker").field(&self.name()).finish()
    }
}

trait DynSource: Send {
    fn settler(&self) -> BoxSettler;
    fn recv<'a>(
        &'a mut self,
        buf: &'a mut Vec<Received>,
        max: usize,
    ) -> BoxFuture<'a, Result<Intake>>;
}

impl<S: Source> DynSource for S {
    fn settler(&self) -> BoxSettler {
        BoxSettler(Arc::new(Source::settler(self)))
    }
    fn recv<'a>(
        &'a mut self,
        buf: &'a mut Vec<Received>,
        max: usize,
    ) -> BoxFuture<'a, Result<Intake>> {
        Box::pin(Source::recv(self, buf, max))
    }
}

/// Any backend's [`Source`].
pub struct BoxSource(Box<dyn DynSource>);

impl BoxSource {
    /// Erases `source`.
    pub fn new(source: impl Source) -> Self {
        Self(Box::new(source))
    }
}

impl fmt::Debug for BoxSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxSource")
    }
}

impl Source for BoxSource {
    type Settler = BoxSettler;

    fn settler(&self) -> BoxSettler {
        self.0.settler()
    }

    async fn recv(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        self.0.recv(buf, max).await
    }
}

trait DynSettler: Send + Sync {
    fn ack<'a>(&'a self, tokens: &'a [Token]) -> BoxFuture<'a, Result<Vec<Settled>>>;
    fn nack<'a>(&'a self, nacks: &'a [Nack]) -> BoxFuture<'a, Result<Vec<Settled>>>;
    fn release<'a>(&'a self, tokens: &'a [Token]) -> BoxFuture<'a, Result<Vec<Settled>>>;
    fn extend<'a>(
        &'a self,
        tokens: &'a [Token],
        lease: Duration,
    ) -> BoxFuture<'a, Result<Vec<Settled>>>;
}

impl<S: Settler> DynSettler for S {
    fn ack<'a>(&'a self, tokens: &'a [Token]) -> BoxFuture<'a, Result<Vec<Settled>>> {
        Box::pin(Settler::ack(self, tokens))
    }
    fn nack<'a>(&'a self, nacks: &'a [Nack]) -> BoxFuture<'a, Result<Vec<Settled>>> {
        Box::pin(Settler::nack(self, nacks))
    }
    fn release<'a>(&'a self, tokens: &'a [Token]) -> BoxFuture<'a, Result<Vec<Settled>>> {
        Box::pin(Settler::release(self, tokens))
    }
    fn extend<'a>(
        &'a self,
        tokens: &'a [Token],
        lease: Duration,
    ) -> BoxFuture<'a, Result<Vec<Settled>>> {
        Box::pin(Settler::extend(self, tokens, lease))
    }
}

/// Any backend's [`Settler`]. A clone is one reference more.
#[derive(Clone)]
pub struct BoxSettler(Arc<dyn DynSettler>);

impl BoxSettler {
    /// Erases `settler`.
    pub fn new(settler: impl Settler) -> Self {
        Self(Arc::new(settler))
    }
}

impl fmt::Debug for BoxSettler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxSettler")
    }
}

impl Settler for BoxSettler {
    async fn ack(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.0.ack(tokens).await
    }
    async fn nack(&self, nacks: &[Nack]) -> Result<Vec<Settled>> {
        self.0.nack(nacks).await
    }
    async fn release(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.0.release(tokens).await
    }
    async fn extend(&self, tokens: &[Token], lease: Duration) -> Result<Vec<Settled>> {
        self.0.extend(tokens, lease).await
    }
}
