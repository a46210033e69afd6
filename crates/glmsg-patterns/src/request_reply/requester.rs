//! Who asks.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use glmsg_broker::{Broker, CancellationToken};
use glmsg_core::{Error, ErrorKind, Message, MessageBuilder, Result, TopicName};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::correlation::CorrelationId;
use super::pending::Pending;
use super::post::{self, End, Letter, Post};
use super::{Reply, Request, RequestError, RequesterStats, WITHIN, inbox, sweep};

/// How many topics are remembered to be served.
const REMEMBERED: usize = 10_000;

/// Sends requests, and receives their replies in an inbox that all of them share.
///
/// Make one for a process, and clone it: a clone is the same requester. [`close`](Self::close) it
/// before the broker is closed, or drop it in a running runtime; then its inbox is deleted at once.
#[derive(Clone)]
pub struct Requester(Arc<Inner>);

struct Inner {
    broker: Arc<dyn Broker>,
    inbox: TopicName,
    timeout: Duration,
    places: Semaphore,
    pending: Arc<Pending>,
    requests: Post<Ask>,
    /// Topics that were seen to be served.
    served: Mutex<HashSet<TopicName>>,
    stop: CancellationToken,
    reading: Mutex<Option<JoinHandle<Result<()>>>>,
}

impl Inner {
    fn take_task(&self) -> Option<JoinHandle<Result<()>>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.take()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Sets up a [`Requester`].
#[must_use = "a requester is made by `start`"]
pub struct RequesterBuilder {
    broker: Arc<dyn Broker>,
    timeout: Duration,
    max_in_flight: usize,
    lease: Duration,
    sweep: Option<Duration>,
}

impl RequesterBuilder {
    /// How long requests wait for their replies that do not say otherwise. Default: 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many requests are under way at a time, 1 to 100 000; more wait, as part of their time.
    /// Default: 1 000.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// How long the inbox may go without a sign of life of this process: three leases later others
    /// take it for abandoned. 100 ms to 1 h; default: 10 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How often it looks for inboxes that killed requesters have left; `None` for never. Looking
    /// lists the broker's topics. Default: 1 min.
    pub fn sweep_every(mut self, every: Option<Duration>) -> Self {
        self.sweep = every;
        self
    }

    /// Makes the inbox and begins to listen to it.
    ///
    /// # Errors
    /// `InvalidArgument` for a bound that makes no sense, and as
    /// [`Backend::create_topic`](glmsg_broker::Backend::create_topic) and
    /// [`Backend::subscribe`](glmsg_broker::Backend::subscribe).
    pub async fn start(self) -> Result<Requester> {
        check_timeout(self.timeout)?;
        if !(1..=100_000).contains(&self.max_in_flight) {
            return Err(wrong("the requests under way must be 1 to 100000"));
        }
        let inbox = inbox::name()?;
        let source = inbox::open(&self.broker, &inbox, self.lease).await?;
        let (pending, stop) = (Arc::new(Pending::default()), CancellationToken::new());
        let reading = tokio::spawn(inbox::serve(
            self.broker.clone(),
            inbox.clone(),
            self.lease,
            source,
            pending.clone(),
            stop.clone(),
        ));
        if let Some(every) = self.sweep {
            tokio::spawn(sweep::keep(self.broker.clone(), every, stop.clone()));
        }
        let (requests, _) = post::open(self.broker.clone(), None);
        Ok(Requester(Arc::new(Inner {
            broker: self.broker,
            inbox,
            timeout: self.timeout,
            places: Semaphore::new(self.max_in_flight),
            pending,
            requests,
            served: Mutex::default(),
            stop,
            reading: Mutex::new(Some(reading)),
        })))
    }
}

impl Requester {
    /// A requester with defaults.
    ///
    /// # Errors
    /// As [`RequesterBuilder::start`].
    pub async fn start(broker: Arc<dyn Broker>) -> Result<Self> {
        Self::builder(broker).start().await
    }

    /// Sets up a requester.
    pub fn builder(broker: Arc<dyn Broker>) -> RequesterBuilder {
        RequesterBuilder {
            broker,
            timeout: Duration::from_secs(30),
            max_in_flight: 1_000,
            lease: Duration::from_secs(10),
            sweep: Some(Duration::from_secs(60)),
        }
    }

    /// A request: `message` with its topic, payload, priority, key and headers. Its id,
    /// `correlation_id` and `reply_to` are set here, whatever they were.
    ///
    /// ```no_run
    /// # use glmsg_core::{Message, Priority};
    /// # use glmsg_patterns::request_reply::Requester;
    /// # use std::time::Duration;
    /// # async fn example(requester: Requester) -> Result<(), Box<dyn std::error::Error>> {
    /// let ask = Message::builder("prices").json(&"EUR/CHF").priority(Priority::High);
    /// let reply = requester
    ///     .request(ask)
    ///     .timeout(Duration::from_secs(2))
    ///     .must_be_served()
    ///     .await?;
    /// let price: f64 = reply.decode()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, message: MessageBuilder) -> Request {
        Request {
            requester: self.clone(),
            message,
            timeout: self.0.timeout,
            must_be_served: false,
        }
    }

    /// Its inbox.
    pub fn inbox(&self) -> &TopicName {
        &self.0.inbox
    }

    /// What it has done and is doing.
    pub fn stats(&self) -> RequesterStats {
        self.0.pending.stats()
    }

    /// Ends all requests under way with [`Closed`](RequestError::Closed), and deletes the inbox. For
    /// all clones; a second call does nothing.
    ///
    /// # Errors
    /// If the inbox could not be deleted. Others will, in a minute or so.
    pub async fn close(&self) -> Result<()> {
        self.0.stop.cancel();
        self.0.places.close();
        match self.0.take_task() {
            None => Ok(()),
            Some(task) => task.await.unwrap_or_else(|error| {
                Err(Error::new(ErrorKind::Unexpected, "the requester's task died").source(error))
            }),
        }
    }

    /// Leaves a request to be sent, and waits for the reply.
    async fn ask(&self, ask: Ask, must_be_served: bool) -> Result<Reply, RequestError> {
        let inner = &self.0;
        let Ok(place) = timeout_at(ask.until, inner.places.acquire()).await else {
            inner.pending.timed_out();
            // The time-out around this says how long it was.
            return std::future::pending().await;
        };
        let _place = place.map_err(|_| RequestError::Closed)?;
        if must_be_served {
            let topic = ask.message.topic();
            if !self.is_served(topic).await.map_err(RequestError::Send)? {
                return Err(RequestError::Unavailable(topic.clone()));
            }
        }
        let waiting = inner.pending.wait(ask.id, ask.until);
        let mut waiting = waiting.ok_or(RequestError::Closed)?;
        inner.requests.leave(ask).await;
        match waiting.reply().await {
            Some(Ok(reply)) => Reply::read(reply),
            Some(Err(error)) if error.kind() != ErrorKind::Closed => Err(RequestError::Send(error)),
            _ => Err(RequestError::Closed),
        }
    }

    /// `true` if the topic has or had a responder. A yes is remembered.
    async fn is_served(&self, topic: &TopicName) -> Result<bool> {
        let served = || self.0.served.lock().unwrap_or_else(PoisonError::into_inner);
        if served().contains(topic) {
            return Ok(true);
        }
        match self.0.broker.groups(topic).await {
            Ok(groups) if groups.is_empty() => Ok(false),
            Ok(_) => {
                let mut served = served();
                if served.len() >= REMEMBERED {
                    served.clear();
                }
                served.insert(topic.clone());
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Request {
    /// Makes the message at once, so that what waits is small.
    pub(super) fn run(self) -> impl Future<Output = Result<Reply, RequestError>> {
        let Self {
            requester,
            message,
            timeout,
            must_be_served,
        } = self;
        let id = CorrelationId::new();
        let message = check_timeout(timeout).and_then(|()| {
            message
                .new_id()
                .correlation_id(id.text())
                .reply_to(requester.0.inbox.clone())
                .header(WITHIN, &timeout.as_millis().to_string())
                .build()
        });
        async move {
            let message = message.map_err(RequestError::Send)?;
            let until = Instant::now() + timeout;
            let pending = requester.0.pending.clone();
            let ask = Ask {
                id,
                message,
                until,
                pending,
            };
            let asked = timeout_at(until, requester.ask(ask, must_be_served)).await;
            asked.unwrap_or_else(|_| Err(RequestError::TimedOut(timeout)))
        }
    }
}

/// A request on its way.
struct Ask {
    id: CorrelationId,
    message: Message,
    until: Instant,
    pending: Arc<Pending>,
}

impl Letter for Ask {
    fn message(&self) -> &Message {
        &self.message
    }

    fn until(&self) -> Instant {
        self.until
    }

    fn is_wanted(&self) -> bool {
        self.pending.is_waited_for(self.id)
    }

    fn ended(self, end: End) {
        match end {
            // Its time is over: who waits knows.
            End::Failed(error) if error.is_transient() => {}
            End::Failed(error) => self.pending.failed(self.id, error),
            End::Stored | End::Duplicate | End::Orphaned => {}
        }
    }
}

fn check_timeout(timeout: Duration) -> Result<()> {
    let (least, most) = (Duration::from_millis(1), Duration::from_secs(86_400));
    match (least..=most).contains(&timeout) {
        true => Ok(()),
        false => Err(wrong("the time-out must be 1 ms to 1 day")),
    }
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, what).operation("request")
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester")
            .field("inbox", &self.0.inbox)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RequesterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequesterBuilder")
            .field("timeout", &self.timeout)
            .field("max_in_flight", &self.max_in_flight)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
