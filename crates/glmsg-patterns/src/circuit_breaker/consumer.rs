//! A consumer behind a breaker.

mod blame;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use glmsg_broker::{
    CancellationToken, ConsumerBuilder, ConsumerHandle, ConsumerReport, Handler, HandlerError,
    Incoming, Verdict,
};
use glmsg_core::Result;
use tokio::time::timeout;

use super::{CallOutcome, CircuitBreaker, CircuitBreakerError, CircuitPermit};
use blame::Blame;

type Classify = dyn Fn(&Result<(), HandlerError>) -> CallOutcome + Send + Sync;

impl CircuitBreaker {
    /// Puts `consumer` behind the breaker, so that no message uses up its attempts while what its
    /// handler needs is down.
    ///
    /// - While the breaker is open the consumer takes no messages, and what waits in its process goes
    ///   back to the group. Half open, it has as many messages as there are probes.
    /// - A handler whose failure is a failure for the breaker has its message *released* and not
    ///   nacked: it comes again, and the attempt does not count. That holds also for the failures
    ///   that open the breaker.
    /// - It cannot hold for a message that is itself what fails. If a message fails again, and the
    ///   breaker has seen another call succeed since it was released, the failure is the message's
    ///   own: it is nacked as without a breaker, is retried by the consumer's policy, and ends as a
    ///   dead letter.
    /// - What the breaker [ignores](CallOutcome::Ignored) is settled as without it.
    ///
    /// How an end counts is said by [`classify`](GuardedConsumer::classify). A handler that takes
    /// longer than the breaker's [`call_timeout`](super::CircuitBreakerBuilder::call_timeout) is
    /// stopped and fails; set that one, and not the consumer's own time-out, which spends an attempt.
    ///
    /// The breaker may be shared with other consumers and calls.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use glmsg_broker::{Broker, Consumer, Incoming};
    /// use glmsg_patterns::circuit_breaker::CircuitBreaker;
    /// # use glmsg_memory::MemoryBroker;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> glmsg_core::Result<()> {
    /// let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
    /// let breaker = CircuitBreaker::new("smtp");
    /// let consumer = breaker
    ///     .consumer(Consumer::new(broker, "mails", "sender").workers(4))
    ///     .start(|mail: Incoming| async move {
    ///         println!("{} is sent", mail.id());
    ///         Ok(())
    ///     })
    ///     .await?;
    /// consumer.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn consumer(&self, consumer: ConsumerBuilder) -> GuardedConsumer {
        GuardedConsumer {
            breaker: self.clone(),
            consumer,
            classify: Arc::new(by_error),
        }
    }
}

/// A rejected message and one that is given back say nothing about what the handler calls.
fn by_error(result: &Result<(), HandlerError>) -> CallOutcome {
    match result.as_ref().map_err(HandlerError::verdict) {
        Ok(()) => CallOutcome::Success,
        Err(Some(Verdict::Reject | Verdict::Release)) => CallOutcome::Ignored,
        Err(_) => CallOutcome::Failure,
    }
}

/// A consumer that is set up to work behind a breaker; from [`CircuitBreaker::consumer`].
#[must_use = "a consumer does nothing until it is started"]
pub struct GuardedConsumer {
    breaker: CircuitBreaker,
    consumer: ConsumerBuilder,
    classify: Arc<Classify>,
}

impl GuardedConsumer {
    /// How a handler's end counts. By default `Ok` is a success, a rejection and a release are
    /// ignored, and every other error is a failure. A panic is a failure in any case.
    pub fn classify(
        mut self,
        classify: impl Fn(&Result<(), HandlerError>) -> CallOutcome + Send + Sync + 'static,
    ) -> Self {
        self.classify = Arc::new(classify);
        self
    }

    /// Joins the group and starts to handle.
    ///
    /// # Errors
    /// As [`ConsumerBuilder::start`].
    pub async fn start(self, handler: impl Handler) -> Result<ConsumerHandle> {
        let gate = self.breaker.gate();
        let guarded = Guarded {
            breaker: self.breaker,
            classify: self.classify,
            blame: Blame::default(),
            handler,
        };
        self.consumer.gate(&gate).start(guarded).await
    }

    /// Joins the group and handles until it is cancelled or the broker is closed.
    ///
    /// # Errors
    /// As [`ConsumerBuilder::run`].
    pub async fn run(self, handler: impl Handler) -> Result<ConsumerReport> {
        self.start(handler).await?.join().await
    }
}

impl fmt::Debug for GuardedConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedConsumer")
            .field("breaker", &self.breaker)
            .field("consumer", &self.consumer)
            .finish_non_exhaustive()
    }
}

struct Guarded<H> {
    breaker: CircuitBreaker,
    classify: Arc<Classify>,
    blame: Blame,
    handler: H,
}

impl<H: Handler> Handler for Guarded<H> {
    fn handle(&self, incoming: Incoming) -> impl Future<Output = Result<(), HandlerError>> + Send {
        self.attempt(incoming)
    }
}

impl<H: Handler> Guarded<H> {
    async fn attempt(&self, incoming: Incoming) -> Result<(), HandlerError> {
        // The gate keeps the number of those who wait here to that of the probes.
        let permit = match self.breaker.acquire().await {
            Ok(permit) => permit,
            Err(open) => return Err(HandlerError::release(open.to_string())),
        };
        let (id, limit) = (incoming.id(), permit.limit());
        let permit = Dropped {
            draining: incoming.cancellation(),
            permit: Some(permit),
        };
        let call = self.handler.handle(incoming);
        let result = match limit {
            None => call.await,
            Some(limit) => match timeout(limit, call).await {
                Ok(result) => result,
                Err(_) => {
                    permit.ends(CircuitPermit::timed_out);
                    let error = CircuitBreakerError::<std::io::Error>::TimedOut(limit);
                    return Err(self.blame(id, error.into()));
                }
            },
        };
        let outcome = (self.classify)(&result);
        permit.ends(|permit| permit.settle(outcome));
        match result {
            Err(error) if outcome == CallOutcome::Failure => Err(self.blame(id, error)),
            result => {
                self.blame.clear(id);
                result
            }
        }
    }

    /// What failed: the dependency, and the message goes back, or the message.
    fn blame(&self, id: glmsg_core::MessageId, error: HandlerError) -> HandlerError {
        let successes = self.breaker.0.machine().successes();
        match self.blame.is_the_message(id, successes) {
            true => error,
            false => HandlerError::release(error.to_string()),
        }
    }
}

/// A handler that is dropped while the consumer does not drain was stopped for its time.
struct Dropped {
    draining: CancellationToken,
    permit: Option<CircuitPermit>,
}

impl Dropped {
    fn ends(mut self, settle: impl FnOnce(CircuitPermit)) {
        if let Some(permit) = self.permit.take() {
            settle(permit);
        }
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        if !self.draining.is_cancelled() {
            self.permit
                .take()
                .into_iter()
                .for_each(CircuitPermit::failure);
        }
    }
}
