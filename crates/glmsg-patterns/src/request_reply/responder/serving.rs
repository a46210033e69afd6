//! One request: handled, and its reply sent.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use glmsg_broker::{Broker, HandlerError, Incoming};
use glmsg_core::{Clock as _, Message, Result, SystemClock};
use tokio::time::{Instant, sleep, timeout};

use super::Inboxes;
use crate::request_reply::{Answer, ReplyError, WITHIN, answer};

/// How long a reply is tried to be sent if the request does not say how long it waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a reply that the broker did not take.
const PAUSE: Duration = Duration::from_millis(50);

/// What a [`Responder`](super::Responder) has done.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResponderStats {
    /// Requests whose handler has ended.
    pub handled: u64,
    /// Replies sent.
    pub replied: u64,
    /// Replies among them that were errors.
    pub refused: u64,
    /// Requests that had been answered before: their reply was in the inbox already.
    pub duplicates: u64,
    /// Requests that were not handled, because their time was over.
    pub expired: u64,
    /// Replies that were dropped, because their inbox is gone.
    pub orphaned: u64,
    /// Replies that could not be sent in the request's time.
    pub unsent: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Handlers that ran too long.
    pub timed_out: u64,
}

#[derive(Clone, Copy)]
enum Count {
    Handled,
    Replied,
    Refused,
    Duplicates,
    Expired,
    Orphaned,
    Unsent,
    Panicked,
    TimedOut,
}

pub(super) struct Serving {
    broker: Arc<dyn Broker>,
    inboxes: Arc<Inboxes>,
    handler_timeout: Option<Duration>,
    counts: [AtomicU64; 9],
}

impl Serving {
    pub(super) fn new(
        broker: Arc<dyn Broker>,
        inboxes: Arc<Inboxes>,
        handler_timeout: Option<Duration>,
    ) -> Self {
        Self {
            broker,
            inboxes,
            handler_timeout,
            counts: Default::default(),
        }
    }

    fn count(&self, what: Count) {
        self.counts[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> ResponderStats {
        let get = |what: Count| self.counts[what as usize].load(Ordering::Relaxed);
        ResponderStats {
            handled: get(Count::Handled),
            replied: get(Count::Replied),
            refused: get(Count::Refused),
            duplicates: get(Count::Duplicates),
            expired: get(Count::Expired),
            orphaned: get(Count::Orphaned),
            unsent: get(Count::Unsent),
            panicked: get(Count::Panicked),
            timed_out: get(Count::TimedOut),
        }
    }

    /// Handles a request and sends its reply; then it is done. It comes again only if its process
    /// dies before, or the drain's time is over.
    pub(super) async fn answer<F, Fut>(
        &self,
        request: Incoming,
        handler: &F,
    ) -> Result<(), HandlerError>
    where
        F: Fn(Incoming) -> Fut + Send + Sync,
        Fut: Future<Output = Result<Answer, ReplyError>> + Send,
    {
        let left = time_left(&request);
        if left == Some(Duration::ZERO) {
            self.count(Count::Expired);
            return Ok(());
        }
        let deadline = left.map(|left| Instant::now() + left);
        let message = request.message().clone();
        let limit = match (self.handler_timeout, left) {
            (Some(limit), Some(left)) => Some(limit.min(left)),
            (limit, left) => limit.or(left),
        };
        // The call itself may panic before there is a future.
        let call = AssertUnwindSafe(async { handler(request).await }).catch_unwind();
        let ended = match limit {
            None => Ok(call.await),
            Some(limit) => timeout(limit, call).await,
        };
        self.count(Count::Handled);
        let answer = match ended {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                self.count(Count::Panicked);
                tracing::error!(id = %message.id(), topic = %message.topic(), "a request's handler panicked");
                Err(ReplyError::new(
                    ReplyError::PANICKED,
                    "the handler panicked",
                ))
            }
            Err(_) => {
                self.count(Count::TimedOut);
                let text = "the handler did not finish in its time";
                Err(ReplyError::new(ReplyError::TIMED_OUT, text))
            }
        };
        self.reply(&message, answer, deadline).await;
        Ok(())
    }

    async fn reply(
        &self,
        request: &Message,
        answer: Result<Answer, ReplyError>,
        deadline: Option<Instant>,
    ) {
        let Some(inbox) = request.reply_to() else {
            return;
        };
        if answer.is_err() {
            self.count(Count::Refused);
        }
        let reply = match answer::reply(request, inbox, answer) {
            Ok(reply) => reply,
            Err(error) => {
                tracing::error!(%error, "a reply is no valid message");
                self.count(Count::Unsent);
                return;
            }
        };
        let deadline = deadline.unwrap_or_else(|| Instant::now() + PATIENCE);
        loop {
            if !self.inboxes.is_there(inbox).await {
                self.count(Count::Orphaned);
                return;
            }
            let error = match self.publish(&reply).await {
                Ok(()) => return,
                Err(error) => error,
            };
            if !error.is_transient() || Instant::now() + PAUSE >= deadline {
                tracing::warn!(%inbox, %error, "a reply could not be sent");
                self.count(Count::Unsent);
                return;
            }
            sleep(PAUSE).await;
        }
    }

    async fn publish(&self, reply: &Message) -> Result<()> {
        let outcomes = self.broker.publish(std::slice::from_ref(reply)).await?;
        for outcome in outcomes {
            let is_new = matches!(outcome, glmsg_broker::Published::Stored);
            outcome.into_result()?;
            self.count(if is_new {
                Count::Replied
            } else {
                Count::Duplicates
            });
        }
        Ok(())
    }
}

/// How long the request still waits, if it says how long it does. Clocks of machines differ a
/// little; that much earlier or later it counts as over.
fn time_left(request: &Message) -> Option<Duration> {
    let within: u64 = request.header(WITHIN)?.parse().ok()?;
    let until = request.created_at().after(Duration::from_millis(within));
    Some(until.since(SystemClock.now()))
}
