//! A consumer behind an inbox.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use glmsg_broker::{
    ConsumerBuilder, ConsumerHandle, ConsumerReport, Handler, HandlerError, Incoming,
};
use glmsg_core::{ErrorKind, Message, Result};
use tokio::time::sleep;

use super::{Claim, ClaimGuard, Inbox};

type KeyOf = dyn Fn(&Message) -> Option<String> + Send + Sync;

/// The longest pause between two looks at a key that somebody else has claimed.
const LOOK: Duration = Duration::from_millis(500);

impl Inbox {
    /// Puts `consumer` behind this inbox: a message whose key was handled before is acked and not
    /// handled.
    ///
    /// - A message whose key somebody has claimed waits here, with its lease renewed, until it is
    ///   done or given back.
    /// - A handler that fails gives the key back; the message is retried as without an inbox.
    /// - If a handler has succeeded and the key cannot be marked, the message is acked all the same,
    ///   and it is logged and counted: to try again would handle it twice for sure.
    pub fn consumer(&self, consumer: ConsumerBuilder) -> InboxConsumer {
        InboxConsumer {
            inbox: self.clone(),
            consumer,
            key: Arc::new(|message| Some(message.id().to_string())),
        }
    }
}

/// A consumer that is set up to work behind an inbox; from [`Inbox::consumer`].
#[must_use = "a consumer does nothing until it is started"]
pub struct InboxConsumer {
    inbox: Inbox,
    consumer: ConsumerBuilder,
    key: Arc<KeyOf>,
}

impl InboxConsumer {
    /// By what a message is known. `None`: it is handled whenever it comes. Default: its id. A key
    /// that an inbox does not take makes the message a dead letter.
    ///
    /// ```
    /// # use glmsg_broker::Incoming;
    /// # use glmsg_patterns::inbox::InboxConsumer;
    /// # async fn example(consumer: InboxConsumer) -> glmsg_core::Result<()> {
    /// // What two systems publish under ids of their own.
    /// let handle = consumer
    ///     .key(|message| message.header("order-number").map(str::to_owned))
    ///     .start(|order: Incoming| async move { Ok(()) })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn key(mut self, key: impl Fn(&Message) -> Option<String> + Send + Sync + 'static) -> Self {
        self.key = Arc::new(key);
        self
    }

    /// Joins the group and starts to handle.
    ///
    /// # Errors
    /// As [`ConsumerBuilder::start`].
    pub async fn start(self, handler: impl Handler) -> Result<InboxHandle> {
        let counters = Arc::new(Counters::default());
        let once = Once {
            inbox: self.inbox,
            key: self.key,
            counters: counters.clone(),
            handler,
        };
        let consumer = self.consumer.start(once).await?;
        Ok(InboxHandle { consumer, counters })
    }
}

impl fmt::Debug for InboxConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxConsumer")
            .field("inbox", &self.inbox)
            .field("consumer", &self.consumer)
            .finish_non_exhaustive()
    }
}

/// What a consumer behind an inbox has done.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxStats {
    /// Messages handled.
    pub handled: u64,
    /// Messages acked because their key was handled before.
    pub skipped: u64,
    /// Messages handled whose key could not be marked.
    pub unmarked: u64,
    /// Messages whose claim somebody else took over while they were handled: they may have been
    /// handled twice.
    pub lost: u64,
}

#[derive(Default)]
struct Counters {
    handled: AtomicU64,
    skipped: AtomicU64,
    unmarked: AtomicU64,
    lost: AtomicU64,
}

/// A running consumer behind an inbox. Dropping it begins the drain, in the background.
#[must_use = "dropping the handle stops the consumer"]
pub struct InboxHandle {
    consumer: ConsumerHandle,
    counters: Arc<Counters>,
}

impl InboxHandle {
    /// What it has done.
    pub fn stats(&self) -> InboxStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        InboxStats {
            handled: get(&self.counters.handled),
            skipped: get(&self.counters.skipped),
            unmarked: get(&self.counters.unmarked),
            lost: get(&self.counters.lost),
        }
    }

    /// The consumer.
    pub fn consumer(&self) -> &ConsumerHandle {
        &self.consumer
    }

    /// Drains, as [`ConsumerHandle::shutdown`].
    ///
    /// # Errors
    /// As [`ConsumerHandle::shutdown`].
    pub async fn shutdown(self) -> Result<ConsumerReport> {
        self.consumer.shutdown().await
    }

    /// Waits until it has ended, for use in a `select!` beside a signal.
    ///
    /// # Errors
    /// As [`ConsumerHandle::ended`].
    pub async fn ended(&mut self) -> Result<ConsumerReport> {
        self.consumer.ended().await
    }
}

impl fmt::Debug for InboxHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxHandle")
            .field("consumer", &self.consumer)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

struct Once<H> {
    inbox: Inbox,
    key: Arc<KeyOf>,
    counters: Arc<Counters>,
    handler: H,
}

impl<H: Handler> Handler for Once<H> {
    fn handle(&self, incoming: Incoming) -> impl Future<Output = Result<(), HandlerError>> + Send {
        self.once(incoming)
    }
}

impl<H: Handler> Once<H> {
    async fn once(&self, incoming: Incoming) -> Result<(), HandlerError> {
        let Some(key) = (self.key)(incoming.message()) else {
            self.handler.handle(incoming).await?;
            self.counters.handled.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let Some(claim) = self.claim(&key, &incoming).await? else {
            self.counters.skipped.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        if let Err(failed) = self.handler.handle(incoming).await {
            if let Err(error) = claim.release().await {
                // It lapses.
                tracing::warn!(key, %error, "a claim could not be given back");
            }
            return Err(failed);
        }
        self.counters.handled.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = claim.done().await {
            let counter = match error.kind() {
                ErrorKind::Conflict => &self.counters.lost,
                _ => &self.counters.unmarked,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            tracing::error!(key, %error, "a handled message is not marked as such");
        }
        Ok(())
    }

    /// The claim; `None` if the key was handled before.
    async fn claim(
        &self,
        key: &str,
        incoming: &Incoming,
    ) -> Result<Option<ClaimGuard>, HandlerError> {
        loop {
            let held = match self.inbox.claim(key).await {
                Ok(Claim::New(claim)) => return Ok(Some(claim)),
                Ok(Claim::Done) => return Ok(None),
                Ok(Claim::Held { retry_after }) => retry_after,
                Err(error) if error.kind() == ErrorKind::InvalidArgument => {
                    return Err(HandlerError::reject(error.to_string()));
                }
                Err(error) => return Err(error.into()),
            };
            tokio::select! {
                () = incoming.cancelled() => {
                    return Err(HandlerError::release("the consumer drains"));
                }
                () = sleep(held.min(LOOK)) => {}
            }
        }
    }
}
