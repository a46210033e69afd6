//! The broker around a broker.

use std::fmt;
use std::sync::Arc;

use glmsg_broker::{
    Backend, BoxLiveSource, BoxStorage, Broker, BrokerMetrics, Capability, DeadLetterQuery,
    DeadLetterSelector, Finding, GroupConfig, GroupInfo, Health, Lag, LiveOptions, MemberInfo,
    Observer, Page, Published, ReplayQuery, Stored, SubscribeOptions, TopicConfig, TopicInfo,
};
use glmsg_core::{DeadLetter, GroupName, Message, Result, TopicName};
use tracing::{Instrument, Level, Span};

use crate::attempt::Attempts;
use crate::source::TracedSource;
use crate::span::{self, MESSAGES};
use crate::stamp::stamp;
use crate::{TraceContext, carrier};

pub(crate) struct Traced {
    pub(crate) inner: Arc<dyn Broker>,
    pub(crate) attempts: Arc<Attempts>,
    pub(crate) log_messages: bool,
}

impl Traced {
    async fn publish_within(&self, span: Span, messages: &[Message]) -> Result<Vec<Published>> {
        let context = match span.is_disabled() {
            true => None,
            false => carrier::context_of(&span),
        };
        let context = context.or_else(TraceContext::current);
        let stamped = match context {
            Some(context) => stamp(messages, context)?,
            None => None,
        };
        let sent = stamped.as_ref().map_or(messages, |s| &s.messages);
        let outcomes = self.inner.publish(sent).instrument(span.clone()).await;
        match &outcomes {
            Ok(outcomes) if !span.is_disabled() => tell_outcomes(&span, outcomes),
            Ok(_) => {}
            Err(error) => span::fail(&span, error),
        }
        outcomes
    }
}

fn tell_outcomes(span: &Span, outcomes: &[Published]) {
    let errors = outcomes.iter().filter_map(|outcome| match outcome {
        Published::Stored | Published::Duplicate => None,
        Published::Full(e) | Published::Rejected(e) | Published::Indeterminate(e) => Some(e),
    });
    let mut count = 0_u64;
    for error in errors {
        if count == 0 {
            span::fail(span, error);
        }
        count += 1;
    }
    if count > 0 {
        span.record("glmsg.not_stored", count);
    }
}

fn log_published(messages: &[Message], outcomes: &[Published]) {
    if !tracing::enabled!(target: MESSAGES, Level::INFO) {
        return;
    }
    for (message, outcome) in messages.iter().zip(outcomes) {
        let outcome = match outcome {
            Published::Stored => "stored",
            Published::Duplicate => "duplicate",
            Published::Full(_) => "full",
            Published::Rejected(_) => "rejected",
            Published::Indeterminate(_) => "indeterminate",
        };
        let (topic, id, bytes) = (message.topic(), message.id(), message.payload().len());
        tracing::info!(target: MESSAGES, %topic, %id, bytes, outcome, "published");
    }
}

impl Backend for Traced {
    type Source = TracedSource;
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
        Some(self.attempts.clone())
    }

    async fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        let span = span::publish(self.inner.name(), messages);
        let outcomes = if span.is_disabled() && TraceContext::current().is_none() {
            self.inner.publish(messages).await
        } else {
            self.publish_within(span, messages).await
        }?;
        if self.log_messages {
            log_published(messages, &outcomes);
        }
        Ok(outcomes)
    }

    async fn subscribe(&self, options: &SubscribeOptions) -> Result<TracedSource> {
        let inner = self.inner.open_source(options).await?;
        let (topic, group) = (options.topic.clone(), options.group.clone());
        Ok(TracedSource::new(inner, topic, group, self.log_messages))
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
        let span = span::redrive(topic, group);
        let work = self.inner.redrive(topic, group, which);
        let redriven = work.instrument(span.clone()).await;
        match &redriven {
            Ok(count) => drop(span.record("messaging.batch.message_count", *count)),
            Err(error) => span::fail(&span, error),
        }
        redriven
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

impl fmt::Debug for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traced").field(&self.inner).finish()
    }
}
