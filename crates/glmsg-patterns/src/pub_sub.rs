//! Events to whoever subscribed, by wildcard.

mod builder;
mod handle;
mod mark;

use std::fmt;
use std::sync::Arc;

use glmsg_broker::{Broker, BrokerExt, LiveOptions, LiveSubscription};
use glmsg_core::{
    Error, ErrorKind, GroupName, Message, MessageBuilder, MessageId, Result, TopicPattern,
};

pub use builder::SubscriptionBuilder;
pub use handle::{SubscriptionHandle, SubscriptionStats};

use crate::hint::Hinter;

/// Publish and subscribe, by wildcard.
///
/// A subscription has a name and a pattern. Every message of every topic that matches reaches each
/// name once (at least once, as everywhere); programs that subscribe under the same name share its
/// messages. It is durable: what is published while nobody of that name runs waits. Several
/// handlers of one topic are several names.
///
/// | in a pattern | stands for |
/// | --- | --- |
/// | `*` | exactly one segment |
/// | `**` | any number of segments, none included |
/// | `>` | the same, as the last segment |
///
/// A clone is the same.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> glmsg_core::Result<()> {
/// use std::sync::Arc;
/// use glmsg_broker::{Broker, Incoming};
/// use glmsg_core::{Message, Priority};
/// use glmsg_patterns::pub_sub::PubSub;
/// # use glmsg_memory::{MemoryBroker, MemoryConfig};
/// # let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::new(MemoryConfig::default()));
///
/// let events = PubSub::new(broker);
/// let (seen, mut was_seen) = tokio::sync::mpsc::channel(8);
/// let billing = events
///     .subscribe("orders.*.created", "billing")
///     .start(move |event: Incoming| {
///         let seen = seen.clone();
///         async move {
///             seen.send(event.topic().to_string()).await?;
///             Ok(())
///         }
///     })
///     .await?;
///
/// // A topic that is new: the subscription finds it.
/// let order = Message::builder("orders.eu.created").payload("4711");
/// events.publish(order.priority(Priority::High)).await?;
/// assert_eq!(was_seen.recv().await.as_deref(), Some("orders.eu.created"));
/// billing.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PubSub {
    broker: Arc<dyn Broker>,
    hinter: Arc<Hinter>,
}

impl PubSub {
    /// Publishes and subscribes on `broker`.
    pub fn new(broker: Arc<dyn Broker>) -> Self {
        Self {
            broker,
            hinter: Arc::default(),
        }
    }

    /// Publishes one message, to be made with [`Message::builder`]: that is where its priority, key,
    /// headers, schedule and time to live are set. Returns its id.
    ///
    /// Publishing by the broker itself reaches subscriptions just as well. This tells them of a new
    /// topic at once, where the backend can announce; otherwise they find it when they look next.
    ///
    /// # Cancel safety
    /// The message may have been published or not.
    ///
    /// # Errors
    /// `InvalidArgument`, `TooLarge`, `Codec` of the message, and as
    /// [`BrokerExt::send`].
    pub async fn publish(&self, message: MessageBuilder) -> Result<MessageId> {
        let message = message.build()?;
        let (id, topic) = (message.id(), message.topic().clone());
        self.broker.send(message).await?;
        self.hinter.published(&self.broker, &topic).await;
        Ok(id)
    }

    /// Publishes messages together, which is far cheaper than one by one. One outcome for each, in
    /// their order.
    ///
    /// # Cancel safety
    /// All, some or none may have been published.
    ///
    /// # Errors
    /// An error as a whole means that none was published, unless its kind is `Indeterminate`.
    pub async fn publish_batch(&self, messages: &[Message]) -> Result<Vec<Result<()>>> {
        let outcomes = self.broker.publish(messages).await?;
        let mut last = None;
        for (message, outcome) in messages.iter().zip(&outcomes) {
            if outcome.is_stored() && last != Some(message.topic()) {
                self.hinter.published(&self.broker, message.topic()).await;
                last = Some(message.topic());
            }
        }
        Ok(outcomes.into_iter().map(|o| o.into_result()).collect())
    }

    /// A durable subscription under `name` to all topics that match `pattern`. A pattern or name
    /// that is not valid is reported by [`start`](SubscriptionBuilder::start).
    pub fn subscribe<P, N>(&self, pattern: P, name: N) -> SubscriptionBuilder
    where
        P: TryInto<TopicPattern>,
        N: TryInto<GroupName>,
        Error: From<P::Error> + From<N::Error>,
    {
        let pattern = pattern.try_into().map_err(Error::from);
        let name = name.try_into().map_err(Error::from);
        SubscriptionBuilder::new(self.broker.clone(), pattern, name)
    }

    /// Ends a durable subscription for good: its group is deleted from all topics that match, with
    /// what it had not handled, and nothing is kept for it any more. Returns from how many topics.
    /// To stop only the handling, shut its handles down.
    ///
    /// # Errors
    /// `InvalidArgument`, and of the connection or store; then call it again.
    pub async fn unsubscribe<P, N>(&self, pattern: P, name: N) -> Result<usize>
    where
        P: TryInto<TopicPattern>,
        N: TryInto<GroupName>,
        Error: From<P::Error> + From<N::Error>,
    {
        let (pattern, name) = (pattern.try_into()?, name.try_into()?);
        let mut removed = 0;
        for topic in self.broker.topic_names().await? {
            if !pattern.matches(&topic) {
                continue;
            }
            match self.broker.delete_group(&topic, &name).await {
                Ok(()) => removed += 1,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        mark::remove(&self.broker, &pattern, &name).await?;
        Ok(removed)
    }

    /// Listens live to what is [announced](Self::announce) from now on. This is **lossy**: nothing
    /// is stored for it, nothing comes again, and where messages were lost a
    /// [mark](glmsg_broker::LiveEvent) stands in their place.
    ///
    /// # Errors
    /// `Unsupported` where the backend has no live subscriptions, and as
    /// [`BrokerExt::listen`].
    pub async fn listen<P>(&self, pattern: P) -> Result<LiveSubscription>
    where
        P: TryInto<TopicPattern>,
        Error: From<P::Error>,
    {
        self.broker.listen(LiveOptions::new(pattern)?).await
    }

    /// Tells of a message to who listens live now, and to nobody else: it is not stored, and
    /// durable subscriptions do not get it. For both there is
    /// [`BrokerExt::publish_and_announce`].
    ///
    /// # Errors
    /// `Unsupported` where the backend has no live subscriptions, and as
    /// [`Broker::announce`].
    pub async fn announce(&self, message: MessageBuilder) -> Result<MessageId> {
        let message = message.build()?;
        self.broker.announce(std::slice::from_ref(&message)).await?;
        Ok(message.id())
    }
}

impl fmt::Debug for PubSub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PubSub").field(&self.broker).finish()
    }
}
