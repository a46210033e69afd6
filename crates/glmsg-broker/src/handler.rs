//! What a consumer calls for each message.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{DeadLetterReason, Error, ErrorKind, History, Message};
use tokio_util::sync::CancellationToken;

use crate::{Received, Verdict};

/// A message as a [`Consumer`](crate::Consumer)'s handler gets it. It dereferences to the
/// [`Message`].
#[derive(Debug)]
pub struct Incoming {
    received: Received,
    /// Behind an `Arc` of the worker's own: cloning the token itself takes a lock.
    draining: Arc<CancellationToken>,
}

impl Incoming {
    pub(crate) fn new(received: Received, draining: Arc<CancellationToken>) -> Self {
        Self { received, draining }
    }

    pub(crate) fn received(&self) -> &Received {
        &self.received
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.received.message
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.received.attempt
    }

    /// How the attempts before ended, oldest first; at most ten.
    pub fn history(&self) -> &History {
        &self.received.history
    }

    /// Is cancelled when the consumer begins to drain: what [`cancelled`](Self::cancelled) waits
    /// for, to keep or to hand on.
    pub fn cancellation(&self) -> CancellationToken {
        (*self.draining).clone()
    }

    /// Ends when the consumer begins to drain, for handlers that can finish early.
    pub async fn cancelled(&self) {
        self.draining.cancelled().await;
    }
}

impl Deref for Incoming {
    type Target = Message;
    fn deref(&self) -> &Message {
        &self.received.message
    }
}

/// Handles messages. Every `Fn(Incoming) -> impl Future<Output = Result<(), HandlerError>>` is
/// one.
///
/// `Ok` acks the message, `Err` retries it or makes it a dead letter; a panic and a time-out are
/// failed attempts too. A handler can run twice for one message (at least once is what every
/// broker can promise), so it should be idempotent.
pub trait Handler: Send + Sync + 'static {
    /// Handles one message.
    fn handle(&self, incoming: Incoming) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

impl<F, Fut> Handler for F
where
    F: Fn(Incoming) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), HandlerError>> + Send,
{
    fn handle(&self, incoming: Incoming) -> impl Future<Output = Result<(), HandlerError>> + Send {
        self(incoming)
    }
}

/// Why a handler failed. `?` turns any error into one that is retried; a `Codec` or `Unsupported`
/// error of glmsg itself (the payload is not what the handler takes) becomes a dead letter at once,
/// because the same bytes will fail again.
///
/// For what is no [`std::error::Error`], such as `anyhow::Error`, write
/// `.map_err(|e| HandlerError::retry(e.to_string()))`.
///
/// Like `Box<dyn Error>` it is no [`std::error::Error`] itself.
pub struct HandlerError {
    text: String,
    has_timed_out: bool,
    verdict: Option<Verdict>,
    reason: DeadLetterReason,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl HandlerError {
    fn new(text: String, verdict: Option<Verdict>) -> Self {
        Self {
            text,
            has_timed_out: false,
            verdict,
            reason: DeadLetterReason::Rejected,
            source: None,
        }
    }

    /// Try again by the policy.
    pub fn retry(text: impl Into<String>) -> Self {
        Self::new(text.into(), Some(Verdict::Retry))
    }

    /// Try again after `delay`, whatever the policy says; the number of attempts stays bounded.
    pub fn retry_after(delay: Duration, text: impl Into<String>) -> Self {
        Self::new(text.into(), Some(Verdict::RetryAfter(delay)))
    }

    /// Make it a dead letter now.
    pub fn reject(text: impl Into<String>) -> Self {
        Self::new(text.into(), Some(Verdict::Reject))
    }

    /// Give it back unhandled: this attempt does not count, and the group delivers the message again
    /// at once, perhaps to this very consumer. For when it is not the message's fault and something
    /// else keeps it from coming around in circles, such as a [`Gate`](crate::Gate) that is closed; or
    /// for a handler that waited for its turn, and hears [`Incoming::cancelled`] first.
    pub fn release(text: impl Into<String>) -> Self {
        Self::new(text.into(), Some(Verdict::Release))
    }

    /// The attempt took longer than it may: for a handler that keeps a time-out of its own. It is
    /// counted and classified as one that the consumer's
    /// [`handler_timeout`](crate::ConsumerBuilder::handler_timeout) ended.
    pub fn timed_out(text: impl Into<String>) -> Self {
        let mut this = Self::unclassified(text);
        this.has_timed_out = true;
        this
    }

    /// A failure that the policy is to classify.
    pub(crate) fn unclassified(text: impl Into<String>) -> Self {
        Self::new(text.into(), None)
    }

    /// The error this was made from, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.source.as_deref()?.downcast_ref()
    }

    pub(crate) fn has_timed_out(&self) -> bool {
        self.has_timed_out
    }

    /// What it asks for, unless the [`RetryPolicy`](crate::RetryPolicy) is to say.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    pub(crate) fn reason(&self) -> DeadLetterReason {
        self.reason
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        let ours = (&error as &dyn Any).downcast_ref::<Error>();
        let undecodable =
            ours.is_some_and(|e| matches!(e.kind(), ErrorKind::Codec | ErrorKind::Unsupported));
        let mut this = Self::new(with_causes(&error), undecodable.then_some(Verdict::Reject));
        if undecodable {
            this.reason = DeadLetterReason::Undecodable;
        }
        this.source = Some(Box::new(error));
        this
    }
}

/// The error's text and its causes', where they say something new.
fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.verdict, self.text)
    }
}
