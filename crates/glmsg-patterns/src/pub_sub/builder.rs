//! Setting up a subscription.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    Broker, CancellationToken, Consumer, ConsumerBuilder, ConsumerHandle, Handler, HandlerError,
    Incoming, Ordering, RetryPolicy, StartFrom,
};
use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName, TopicPattern};

use super::handle::SubscriptionHandle;
use super::mark;
use crate::fleet::{Fleet, Outfit, Search};
use crate::gate::Gate;
use crate::hint;
use crate::lanes::Lanes;

/// Sets up a durable subscription; see [`PubSub::subscribe`](super::PubSub::subscribe).
///
/// | setting | default |
/// | --- | --- |
/// | [`concurrency`](Self::concurrency) | 8 |
/// | [`look_every`](Self::look_every) | 1 s |
/// | [`start_from`](Self::start_from) | the oldest message kept |
/// | [`retry`](Self::retry) | [`RetryPolicy::default`] |
/// | [`handler_timeout`](Self::handler_timeout) | none |
/// | [`prefetch`](Self::prefetch) | 128 for each topic |
/// | [`lease`](Self::lease) | 30 s |
/// | [`drain_timeout`](Self::drain_timeout) | 20 s |
#[must_use = "a subscription does nothing until it is started"]
pub struct SubscriptionBuilder {
    broker: Arc<dyn Broker>,
    pattern: Result<TopicPattern>,
    name: Result<GroupName>,
    settings: Settings,
    cancel: CancellationToken,
}

#[derive(Debug, Clone)]
struct Settings {
    concurrency: usize,
    look_every: Duration,
    start: StartFrom,
    ordering: Ordering,
    retry: RetryPolicy,
    handler_timeout: Option<Duration>,
    prefetch: usize,
    lease: Duration,
    drain_timeout: Duration,
}

impl SubscriptionBuilder {
    pub(super) fn new(
        broker: Arc<dyn Broker>,
        pattern: Result<TopicPattern>,
        name: Result<GroupName>,
    ) -> Self {
        Self {
            broker,
            pattern,
            name,
            settings: Settings {
                concurrency: 8,
                look_every: Duration::from_secs(1),
                start: StartFrom::Earliest,
                ordering: Ordering::None,
                retry: RetryPolicy::default(),
                handler_timeout: None,
                prefetch: 128,
                lease: Duration::from_secs(30),
                drain_timeout: Duration::from_secs(20),
            },
            cancel: CancellationToken::new(),
        }
    }

    /// How many messages are handled at a time, of all topics together, 1 to 10 000. Topics have
    /// their turns one after the other. Default: 8.
    pub fn concurrency(mut self, handlers: usize) -> Self {
        self.settings.concurrency = handlers;
        self
    }

    /// How often the topics are listed to find new ones, at least 10 ms. Where the backend has live
    /// announcements, a topic that [`PubSub`](super::PubSub) published to first is found at once.
    /// A look costs one call of [`Broker::topic_names`](glmsg_broker::Broker::topic_names). Default: 1 s.
    pub fn look_every(mut self, interval: Duration) -> Self {
        self.settings.look_every = interval;
        self
    }

    /// Where topics begin that are there when the subscription begins for the first time. Of topics
    /// that come later nothing is missed: they begin with their first message, also if nobody ran
    /// when it was published. Default: the oldest message kept.
    ///
    /// That a subscription has begun is kept in the broker's [storage](glmsg_broker::Storage).
    /// Where there is none, it is told by its groups: a subscription with a start of its own that
    /// had no topic yet then begins anew when it is started again.
    pub fn start_from(mut self, start: StartFrom) -> Self {
        self.settings.start = start;
        self
    }

    /// In which order a topic's messages are delivered. Default: no order.
    pub fn ordering(mut self, ordering: Ordering) -> Self {
        self.settings.ordering = ordering;
        self
    }

    /// When failed messages are tried again. Default: [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// How long a handler may run; longer is a failed attempt. Default: for ever.
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.settings.handler_timeout = Some(timeout);
        self
    }

    /// How many messages of each topic may wait in this process. Default: 128.
    pub fn prefetch(mut self, messages: usize) -> Self {
        self.settings.prefetch = messages;
        self
    }

    /// How long a message is this process' own without a sign of life. Default: 30 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// How long [`shutdown`](SubscriptionHandle::shutdown) waits for handlers. Default: 20 s.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.settings.drain_timeout = timeout;
        self
    }

    /// Begins to drain when `token` is cancelled.
    pub fn cancel_on(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Subscribes. When this returns, all topics that match and are there deliver to `handler`, and
    /// new ones are looked for until it is shut down. A topic that is deleted is left; the
    /// subscription goes on.
    ///
    /// # Cancel safety
    /// What had begun is drained in the background.
    ///
    /// # Errors
    /// `InvalidArgument` for a pattern, name or bound that is not valid; what keeps a matching
    /// topic from being subscribed to, or the topics from being listed.
    pub async fn start(self, handler: impl Handler) -> Result<SubscriptionHandle> {
        let (pattern, name) = (self.pattern?, self.name?);
        let settings = self.settings;
        check_concurrency(settings.concurrency)?;
        if settings.look_every < Duration::from_millis(10) {
            return Err(wrong("topics are looked for every 10 ms at most"));
        }
        let gate = Gate::new(settings.concurrency);
        let draining = self.cancel.child_token();
        let search = Search {
            every: settings.look_every,
            hints: hint::pattern(&pattern)?,
            always: pattern.topic().into_iter().collect(),
        };
        let outfit = Events {
            broker: self.broker.clone(),
            pattern: pattern.clone(),
            name: name.clone(),
            settings,
            lanes: Lanes::new(gate.clone()),
            handler: Arc::new(handler),
            draining: draining.clone(),
        };
        let outfit = Arc::new(outfit);
        let fleet = Fleet::launch(self.broker.clone(), outfit, search, draining).await?;
        mark::set(&self.broker, &pattern, &name).await?;
        Ok(SubscriptionHandle::new(pattern, name, gate, fleet))
    }
}

pub(super) fn check_concurrency(handlers: usize) -> Result<()> {
    if (1..=10_000).contains(&handlers) {
        return Ok(());
    }
    Err(wrong("the concurrency must be 1 to 10000").with("got", handlers))
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, what).operation("subscribe")
}

/// Makes the consumers of a subscription.
struct Events<H> {
    broker: Arc<dyn Broker>,
    pattern: TopicPattern,
    name: GroupName,
    settings: Settings,
    lanes: Lanes,
    handler: Arc<H>,
    draining: CancellationToken,
}

impl<H: Handler> Events<H> {
    fn consumer(&self, topic: TopicName, from: StartFrom) -> ConsumerBuilder {
        let settings = &self.settings;
        Consumer::new(self.broker.clone(), topic, self.name.clone())
            .workers(self.lanes.gate().permits())
            .prefetch(settings.prefetch)
            .lease(settings.lease)
            .retry(settings.retry.clone())
            .ordering(settings.ordering)
            .drain_timeout(settings.drain_timeout)
            .start_from(from)
            .cancel_on(self.draining.clone())
    }
}

impl<H: Handler> Outfit for Events<H> {
    fn wants(&self, topic: &TopicName) -> bool {
        self.pattern.matches(topic)
    }

    async fn existing(&self) -> Result<StartFrom> {
        let start = &self.settings.start;
        let is_new = *start != StartFrom::Earliest
            && !mark::has_begun(&self.broker, &self.pattern, &self.name).await?;
        Ok(if is_new {
            start.clone()
        } else {
            StartFrom::Earliest
        })
    }

    async fn start(&self, topic: TopicName, from: StartFrom) -> Result<ConsumerHandle> {
        let lane = self.lanes.open(&topic, 1);
        let turn = InTurn {
            gate: self.lanes.gate().clone(),
            lane,
            patience: self.settings.lease,
            timeout: self.settings.handler_timeout,
            handler: self.handler.clone(),
        };
        let started = self.consumer(topic.clone(), from).start(turn).await;
        started.inspect_err(|_| self.lanes.close(&topic))
    }

    fn ended(&self, topic: &TopicName) {
        self.lanes.close(topic);
    }
}

/// The user's handler, when it is its topic's turn.
struct InTurn<H> {
    gate: Arc<Gate>,
    lane: u64,
    patience: Duration,
    timeout: Option<Duration>,
    handler: Arc<H>,
}

impl<H: Handler> Handler for InTurn<H> {
    async fn handle(&self, incoming: Incoming) -> std::result::Result<(), HandlerError> {
        let admitted = self.gate.admit(self.lane, &incoming, self.patience);
        let permit = admitted.await?;
        let handled = match self.timeout {
            None => self.handler.handle(incoming).await,
            // The consumer's own time-out would count the waiting too.
            Some(limit) => tokio::time::timeout(limit, self.handler.handle(incoming))
                .await
                .unwrap_or_else(|_| Err(HandlerError::timed_out(OVERTIME))),
        };
        drop(permit);
        handled
    }
}

const OVERTIME: &str = "the handler did not finish within its time-out";

impl fmt::Debug for SubscriptionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionBuilder")
            .field("pattern", &self.pattern)
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
