//! Who answers.

mod serving;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    Broker, CancellationToken, Consumer, ConsumerBuilder, ConsumerHandle, ConsumerReport, Incoming,
};
use glmsg_core::codec::Codec;
use glmsg_core::{Error, GroupName, Result, TopicName};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::inboxes::Inboxes;
use super::{Answer, ReplyError, post, sweep};
pub use serving::ResponderStats;
use serving::{Counts, Serving};

/// Handles the requests of a topic and replies to them.
///
/// Responders of one topic and group share its requests: start as many as you need, in as many
/// processes. A request whose handler returns, `Ok` or `Err`, is answered and done. If its responder
/// dies before, its lease runs out and another responder gets it; handlers should be idempotent.
/// A request whose time is over is not handled any more.
#[derive(Debug)]
pub struct Responder;

impl Responder {
    /// A responder for the requests of `topic`; a name that is not valid is reported by
    /// [`start`](ResponderBuilder::start).
    #[allow(
        clippy::new_ret_no_self,
        reason = "there is nothing to hold before it is started"
    )]
    pub fn new<T>(broker: Arc<dyn Broker>, topic: T) -> ResponderBuilder
    where
        T: TryInto<TopicName>,
        Error: From<T::Error>,
    {
        ResponderBuilder {
            broker,
            topic: topic.try_into().map_err(Error::from),
            group: Ok(None),
            concurrency: 8,
            prefetch: None,
            lease: Duration::from_secs(5),
            handler_timeout: None,
            drain_timeout: Duration::from_secs(20),
            sweep: Some(Duration::from_secs(60)),
        }
    }
}

/// Sets up a [`Responder`].
#[must_use = "a responder does nothing until it is started"]
pub struct ResponderBuilder {
    broker: Arc<dyn Broker>,
    topic: Result<TopicName>,
    group: Result<Option<GroupName>>,
    concurrency: usize,
    prefetch: Option<usize>,
    lease: Duration,
    handler_timeout: Option<Duration>,
    drain_timeout: Duration,
    sweep: Option<Duration>,
}

impl ResponderBuilder {
    /// The group whose members share the requests. Every group of a topic gets every request, and
    /// the first reply counts. Default: `responders`.
    pub fn group<G>(mut self, group: G) -> Self
    where
        G: TryInto<GroupName>,
        Error: From<G::Error>,
    {
        self.group = group.try_into().map(Some).map_err(Error::from);
        self
    }

    /// How many requests are handled at a time, 1 to 10 000. Default: 8.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests;
        self
    }

    /// How many requests may wait in this process, 1 to 100 000. They are not another responder's
    /// while they do: where handlers take long, few share the work better. Where many requests come
    /// and handlers are quick, more are faster. Default: as many as are handled at a time.
    pub fn prefetch(mut self, requests: usize) -> Self {
        self.prefetch = Some(requests);
        self
    }

    /// How long after its last sign of life a responder's requests go to another. It is renewed
    /// while the responder lives, so it bounds no handler. Keep it well under the requests' time-out.
    /// 100 ms to 1 h; default: 5 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How long a handler may run; then the answer is the error
    /// [`TIMED_OUT`](ReplyError::TIMED_OUT). Default: for as long as the request waits.
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.handler_timeout = Some(timeout);
        self
    }

    /// How long a drain waits for running handlers. Default: 20 s.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// How often it looks for inboxes that killed requesters have left; `None` for never. Looking
    /// lists the broker's topics. Default: 1 min.
    pub fn sweep_every(mut self, every: Option<Duration>) -> Self {
        self.sweep = every;
        self
    }

    /// Starts to answer by a typed handler. The request is decoded by its content type, the answer
    /// is encoded by `codec`. A request that is no `Q` is answered by the error
    /// [`BAD_REQUEST`](ReplyError::BAD_REQUEST).
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn serve<C, Q, A, F, Fut>(self, codec: C, handler: F) -> Result<ResponderHandle>
    where
        C: Codec + Send + Sync + 'static,
        Q: DeserializeOwned + Send,
        A: Serialize + Send,
        F: Fn(Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, ReplyError>> + Send,
    {
        let (codec, handler) = (Arc::new(codec), Arc::new(handler));
        self.start(move |request: Incoming| {
            let (codec, handler) = (codec.clone(), handler.clone());
            async move {
                let bad =
                    |error: Error| ReplyError::new(ReplyError::BAD_REQUEST, error.to_string());
                let question = request.decode().map_err(bad)?;
                let answer = handler(question).await?;
                Ok(Answer::encode(&*codec, &answer)?)
            }
        })
        .await
    }

    /// Starts to answer by a handler of messages. What it returns is the reply: `Err` is an answer,
    /// too, and is not retried. A panic is answered by the error
    /// [`PANICKED`](ReplyError::PANICKED).
    ///
    /// # Errors
    /// `InvalidArgument` for a name or a bound that is not valid, and as
    /// [`Backend::subscribe`](glmsg_broker::Backend::subscribe).
    pub async fn start<F, Fut>(self, handler: F) -> Result<ResponderHandle>
    where
        F: Fn(Incoming) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer, ReplyError>> + Send,
    {
        let group = match self.group? {
            Some(group) => group,
            None => GroupName::new("responders")?,
        };
        // What is wrong with the concurrency the consumer says.
        let prefetch = self.prefetch.unwrap_or(self.concurrency.clamp(1, 100_000));
        let consumer: ConsumerBuilder = Consumer::new(self.broker.clone(), self.topic?, group)
            .workers(self.concurrency)
            .prefetch(prefetch)
            .lease(self.lease)
            .drain_timeout(self.drain_timeout);
        let inboxes = Arc::new(Inboxes::new(self.broker.clone()));
        let counts = Arc::new(Counts::default());
        let (replies, sent) = post::open(self.broker.clone(), Some(inboxes.clone()));
        let serving = Serving {
            replies,
            counts: counts.clone(),
            handler_timeout: self.handler_timeout,
        };
        let (serving, handler) = (Arc::new(serving), Arc::new(handler));
        let answering = move |request: Incoming| {
            let (serving, handler) = (serving.clone(), handler.clone());
            async move { serving.answer(request, &*handler).await }
        };
        let consumer = consumer.before_ack(move || sent.clone().all());
        let consumer = consumer.start(answering).await?;
        let stop = CancellationToken::new();
        tokio::spawn(inboxes.clone().keep(stop.clone()));
        if let Some(every) = self.sweep {
            tokio::spawn(sweep::keep(self.broker, every, stop.clone()));
        }
        Ok(ResponderHandle {
            consumer,
            counts,
            inboxes,
            stop: Stop(stop),
        })
    }
}

struct Stop(CancellationToken);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A running [`Responder`]. Dropping it begins the drain, in the background.
#[must_use = "dropping the handle stops the responder"]
pub struct ResponderHandle {
    consumer: ConsumerHandle,
    counts: Arc<Counts>,
    inboxes: Arc<Inboxes>,
    stop: Stop,
}

impl ResponderHandle {
    /// What it has done.
    pub fn stats(&self) -> ResponderStats {
        self.counts.stats()
    }

    /// The consumer that it is: its statistics, pausing, the number of workers.
    pub fn consumer(&self) -> &ConsumerHandle {
        &self.consumer
    }

    /// Stops to take requests, answers those in its hands, and leaves nothing behind.
    ///
    /// # Errors
    /// As [`ConsumerHandle::shutdown`].
    pub async fn shutdown(self) -> Result<ConsumerReport> {
        let report = self.consumer.shutdown().await;
        self.stop.0.cancel();
        self.inboxes.look_again().await;
        report
    }

    /// Waits until it has ended, for use in a `select!` beside a signal.
    ///
    /// # Errors
    /// As [`ConsumerHandle::ended`].
    pub async fn ended(&mut self) -> Result<ConsumerReport> {
        self.consumer.ended().await
    }
}

impl fmt::Debug for ResponderHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponderHandle")
            .field("consumer", &self.consumer)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ResponderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponderBuilder")
            .field("topic", &self.topic)
            .field("concurrency", &self.concurrency)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
