//! Setting up a consumer.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, GroupName, MemberName, Result, TopicName};
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::handle::ConsumerHandle;
use super::pump::Pump;
use super::settling::BeforeAck;
use super::shared::Shared;
use super::stats::ConsumerReport;
use crate::{Broker, Handler, Ordering, RetryPolicy, StartFrom, SubscribeOptions};

/// Runs a handler for every message of a topic, as a member of a group.
///
/// - `Ok` acks. `Err`, a panic and a time-out are failed attempts, retried by the
///   [`RetryPolicy`](crate::RetryPolicy) until the message's attempts are used up; then it is a
///   dead letter. Nothing is dropped.
/// - Leases are renewed while a handler runs and while a message waits here, so a slow handler
///   does not make it run twice.
/// - A message that was being handled when a process died is retried alone, with nothing else in
///   flight, before its last attempts: a message that kills its process takes no bystander along.
/// - Draining stops the intake, gives back what waits, lets handlers finish, and settles.
///
/// ```
/// # use std::sync::Arc;
/// # use glmsg_broker::{Broker, Consumer};
/// # async fn example(broker: Arc<dyn Broker>) -> glmsg_core::Result<()> {
/// let consumer = Consumer::new(broker, "flights", "agents")
///     .workers(4)
///     .start(|flight: glmsg_broker::Incoming| async move {
///         println!("{} {:?}", flight.id(), flight.payload());
///         Ok(())
///     })
///     .await?;
/// consumer.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Consumer;

impl Consumer {
    /// A consumer of `topic` in `group`; names that are not valid are reported by
    /// [`start`](ConsumerBuilder::start).
    #[allow(
        clippy::new_ret_no_self,
        reason = "there is nothing to hold before it is started"
    )]
    pub fn new<T, G>(broker: Arc<dyn Broker>, topic: T, group: G) -> ConsumerBuilder
    where
        T: TryInto<TopicName>,
        G: TryInto<GroupName>,
        Error: From<T::Error> + From<G::Error>,
    {
        ConsumerBuilder {
            broker,
            options: SubscribeOptions::new(topic, group),
            settings: Settings::default(),
            gates: vec![Gate::new()],
            before_ack: None,
            cancel: CancellationToken::new(),
        }
    }
}

/// How a consumer works, apart from its subscription.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) workers: usize,
    pub(super) handler_timeout: Option<Duration>,
    pub(super) retry: RetryPolicy,
    pub(super) drain_timeout: Duration,
    pub(super) verify: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 8,
            handler_timeout: None,
            retry: RetryPolicy::default(),
            drain_timeout: Duration::from_secs(20),
            verify: true,
        }
    }
}

/// Sets up a [`Consumer`].
#[must_use = "a consumer does nothing until it is started"]
pub struct ConsumerBuilder {
    broker: Arc<dyn Broker>,
    options: Result<SubscribeOptions>,
    settings: Settings,
    /// The first is the consumer's own, for its handle.
    gates: Vec<Gate>,
    before_ack: Option<BeforeAck>,
    cancel: CancellationToken,
}

impl ConsumerBuilder {
    fn option(mut self, set: impl FnOnce(&mut SubscribeOptions)) -> Self {
        if let Ok(options) = &mut self.options {
            set(options);
        }
        self
    }

    /// How many messages are handled at a time, 1 to 10 000. Default: 8.
    pub fn workers(mut self, workers: usize) -> Self {
        self.settings.workers = workers;
        self
    }

    /// How many messages may wait in this process. Default: 128. For a moment it can be twice as
    /// many, when handlers that were quick begin to wait.
    pub fn prefetch(self, messages: usize) -> Self {
        self.option(|o| o.prefetch = messages)
    }

    /// How long a message is this member's without a sign of life. Default: 30 s.
    pub fn lease(self, lease: Duration) -> Self {
        self.option(|o| o.lease = lease)
    }

    /// How long a handler may run; longer is a failed attempt. Default: for ever.
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.settings.handler_timeout = Some(timeout);
        self
    }

    /// When failed messages are tried again. Default: [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// Where the group begins if it is new. Default: the oldest message kept.
    pub fn start_from(self, start: StartFrom) -> Self {
        self.option(|o| o.config.start = start)
    }

    /// In which order the group delivers. Default: no order between messages.
    pub fn ordering(self, ordering: Ordering) -> Self {
        self.option(|o| o.config.ordering = ordering)
    }

    /// This member's name. Default: a new unique one.
    pub fn member(self, member: MemberName) -> Self {
        self.option(|o| o.member = member)
    }

    /// How long a drain waits for running handlers before it stops them. Keep it below the time
    /// your supervisor gives between SIGTERM and SIGKILL (Kubernetes 30 s, Docker 10 s). Default:
    /// 20 s.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.settings.drain_timeout = timeout;
        self
    }

    /// Whether a message's checksum is verified before it is handled; one that fails becomes a
    /// dead letter (`BadProvenance`). Default: yes. Signed messages are for the handler to verify,
    /// who has the keys.
    pub fn verify_provenance(mut self, verify: bool) -> Self {
        self.settings.verify = verify;
        self
    }

    /// Holds the intake back as `gate` says; see [`Gate`]. May be called several times.
    pub fn gate(mut self, gate: &Gate) -> Self {
        self.gates.push(gate.clone());
        self
    }

    /// Has `work` done before messages are acked, once for all that are acked together: what their
    /// handlers leave to be done for many at once, such as publishing what came of each. Nothing is
    /// acked before it has ended, so what it does is done at least once for each message; what
    /// handlers leave meanwhile is for the next call. One call is under way at a time.
    ///
    /// After an error that may pass ([`Error::is_transient`]) it is called again, and the messages
    /// stay this member's; any other ends the consumer, and the messages come again.
    pub fn before_ack<F, Fut>(mut self, work: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.before_ack = Some(BeforeAck::new(work));
        self
    }

    /// Begins to drain when `token` is cancelled.
    pub fn cancel_on(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Joins the group and starts to handle.
    ///
    /// # Errors
    /// `InvalidArgument` for a name or a bound that is not valid, and as
    /// [`Backend::subscribe`](crate::Backend::subscribe).
    pub async fn start(self, handler: impl Handler) -> Result<ConsumerHandle> {
        let options = self.options?;
        check_workers(self.settings.workers)?;
        let source = self.broker.open_source(&options).await?;
        // A child: stopping this consumer must not stop whatever else the user's token stops.
        let draining = self.cancel.child_token();
        let metrics = self.broker.metrics();
        let metrics = metrics.map(|metrics| metrics.handling(&options.topic, &options.group));
        let observer = self.broker.observer();
        let shared = Arc::new(Shared::new(
            options,
            self.settings,
            metrics,
            observer,
            draining,
            self.gates,
            self.before_ack,
        ));
        let pump = Pump::new(source, shared.clone(), Arc::new(handler));
        let task = tokio::spawn(pump.run());
        Ok(ConsumerHandle::new(shared, task))
    }

    /// Joins the group and handles until it is cancelled or the broker is closed.
    ///
    /// # Errors
    /// As [`start`](Self::start), and what ended the consumer other than being cancelled.
    pub async fn run(self, handler: impl Handler) -> Result<ConsumerReport> {
        self.start(handler).await?.join().await
    }
}

pub(super) fn check_workers(workers: usize) -> Result<()> {
    if (1..=10_000).contains(&workers) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidArgument,
        "the number of workers must be 1 to 10000",
    )
    .operation("consumer")
    .with("got", workers))
}

impl fmt::Debug for ConsumerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerBuilder")
            .field("options", &self.options)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
