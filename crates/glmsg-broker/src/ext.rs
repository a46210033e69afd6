//! Conveniences over every broker.

use std::future::Future;

use futures_util::{Stream, stream};
use glmsg_core::{Error, ErrorKind, Message, Result, Schedule, TopicName};

use crate::{
    Broker, LiveOptions, LiveSubscription, Published, ReplayQuery, StartFrom, Stored,
    SubscribeOptions, Subscription,
};

/// Conveniences over every broker. They are built on [`Broker`] alone, so a backend has nothing
/// to do for them.
pub trait BrokerExt {
    /// Publishes one message. A duplicate is a success, so where the outcome is not known
    /// (`Indeterminate`) or the broker was away, send a clone of the same message again: it has
    /// the same id, and is stored once.
    ///
    /// # Errors
    /// `Full`, `Indeterminate`, the reason of a rejection, or what hindered the publish as a whole.
    fn send(&self, message: Message) -> impl Future<Output = Result<()>> + Send;

    /// Joins a group and starts to receive.
    ///
    /// # Errors
    /// As [`Backend::subscribe`](crate::Backend::subscribe).
    fn subscribe(
        &self,
        options: SubscribeOptions,
    ) -> impl Future<Output = Result<Subscription>> + Send;

    /// Begins to listen live: to what is announced from now on, with losses that are marked. For
    /// messages that must not be missed there is [`subscribe`](Self::subscribe).
    ///
    /// # Errors
    /// As [`Backend::listen`](crate::Backend::listen).
    fn listen(&self, options: LiveOptions)
    -> impl Future<Output = Result<LiveSubscription>> + Send;

    /// Publishes messages, and then announces those of them that are newly stored and not
    /// scheduled for later. What became of the announcement changes nothing in the outcomes: who
    /// listens live may miss messages at any time. A failure is logged.
    ///
    /// # Errors
    /// As [`Backend::publish`](crate::Backend::publish).
    fn publish_and_announce(
        &self,
        messages: &[Message],
    ) -> impl Future<Output = Result<Vec<Published>>> + Send;

    /// Reads the messages of a topic in the order they were stored, without a group, until the
    /// newest there is. The stream ends after its first error.
    fn replay_from(
        &self,
        topic: TopicName,
        from: StartFrom,
    ) -> impl Stream<Item = Result<Stored>> + Send;
}

impl BrokerExt for dyn Broker {
    async fn send(&self, message: Message) -> Result<()> {
        let outcome = self
            .publish(std::slice::from_ref(&message))
            .await?
            .into_iter()
            .next();
        let none = || {
            Error::new(
                ErrorKind::Unexpected,
                "the backend gave no outcome for a publish",
            )
        };
        outcome.ok_or_else(none)?.into_result()
    }

    async fn subscribe(&self, options: SubscribeOptions) -> Result<Subscription> {
        let source = self.open_source(&options).await?;
        Ok(Subscription::new(source, options))
    }

    async fn listen(&self, options: LiveOptions) -> Result<LiveSubscription> {
        Ok(LiveSubscription::new(self.open_live(&options).await?))
    }

    async fn publish_and_announce(&self, messages: &[Message]) -> Result<Vec<Published>> {
        let outcomes = self.publish(messages).await?;
        let stored = messages.iter().zip(&outcomes);
        let new = stored.filter(|(message, outcome)| {
            matches!(outcome, Published::Stored) && message.schedule() == Schedule::Now
        });
        let new: Vec<_> = new.map(|(message, _)| message.clone()).collect();
        if !new.is_empty()
            && let Err(error) = self.announce(&new).await
        {
            tracing::warn!(%error, messages = new.len(), "stored messages are not announced");
        }
        Ok(outcomes)
    }

    fn replay_from(
        &self,
        topic: TopicName,
        from: StartFrom,
    ) -> impl Stream<Item = Result<Stored>> + Send {
        let pages = stream::unfold(Some(from), move |from| {
            let query = from.map(|from| ReplayQuery::new(topic.clone(), from));
            async move {
                let page = self.replay(&query?).await;
                let last = page.as_ref().ok().and_then(|p| p.last());
                let next = last.map(|stored| StartFrom::After(stored.position.clone()));
                Some((page, next))
            }
        });
        let items = |page: Result<Vec<Stored>>| match page {
            Ok(page) => stream::iter(page.into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(error)]),
        };
        futures_util::StreamExt::flat_map(pages, items)
    }
}
