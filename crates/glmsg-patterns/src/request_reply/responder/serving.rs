//! One request: handled, and its reply left to be sent.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use glmsg_broker::{HandlerError, Incoming};
use glmsg_core::{Clock as _, Message, SystemClock};
use tokio::time::{Instant, timeout};

use crate::request_reply::post::{End, Letter, Post};
use crate::request_reply::{Answer, ReplyError, WITHIN, answer};

/// How long a reply is tried to be sent if the request does not say how long it waits.
const PATIENCE: Duration = Duration::from_secs(30);

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

#[derive(Default)]
pub(super) struct Counts([AtomicU64; 9]);

impl Counts {
    fn add(&self, what: Count) {
        self.0[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> ResponderStats {
        let get = |what: Count| self.0[what as usize].load(Ordering::Relaxed);
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
}

pub(super) struct Serving {
    pub(super) replies: Post<Reply>,
    pub(super) counts: Arc<Counts>,
    pub(super) handler_timeout: Option<Duration>,
}

impl Serving {
    fn count(&self, what: Count) {
        self.counts.add(what);
    }

    /// Handles a request and leaves its reply to be sent; then it is done. It comes again only if
    /// its process dies before, or the drain's time is over.
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
        let (message, attempt) = (request.message().clone(), request.attempt());
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
        self.reply(&message, attempt, answer, deadline).await;
        Ok(())
    }

    async fn reply(
        &self,
        request: &Message,
        attempt: u32,
        answer: Result<Answer, ReplyError>,
        deadline: Option<Instant>,
    ) {
        let Some(inbox) = request.reply_to() else {
            return;
        };
        if answer.is_err() {
            self.count(Count::Refused);
        }
        let reply = match answer::reply(request, attempt, inbox, answer) {
            Ok(reply) => reply,
            Err(error) => {
                tracing::error!(%error, "a reply is no valid message");
                self.count(Count::Unsent);
                return;
            }
        };
        let until = deadline.unwrap_or_else(|| Instant::now() + PATIENCE);
        let reply = Reply {
            message: reply,
            until,
            counts: self.counts.clone(),
        };
        self.replies.leave(reply).await;
    }
}

/// A reply on its way.
pub(super) struct Reply {
    message: Message,
    until: Instant,
    counts: Arc<Counts>,
}

impl Letter for Reply {
    fn message(&self) -> &Message {
        &self.message
    }

    fn until(&self) -> Instant {
        self.until
    }

    fn is_wanted(&self) -> bool {
        true
    }

    fn ended(self, end: End) {
        let what = match end {
            End::Stored => Count::Replied,
            End::Duplicate => Count::Duplicates,
            End::Orphaned => Count::Orphaned,
            End::Failed(error) => {
                let inbox = self.message.topic();
                tracing::warn!(%inbox, %error, "a reply could not be sent");
                Count::Unsent
            }
        };
        self.counts.add(what);
    }
}

/// How long the request still waits, if it says how long it does. Clocks of machines differ a
/// little; that much earlier or later it counts as over.
fn time_left(request: &Message) -> Option<Duration> {
    let within: u64 = request.header(WITHIN)?.parse().ok()?;
    let until = request.created_at().after(Duration::from_millis(within));
    Some(until.since(SystemClock.now()))
}
