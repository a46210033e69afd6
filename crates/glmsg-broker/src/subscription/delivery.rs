//! One delivery in the user's hands.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use glmsg_core::{DeadLetterReason, Error, ErrorKind, History, Message, Result};

use super::Shared;
use crate::{Nack, Received, Requeue, Settled, Settler, Token};

/// A message delivered to this subscription, to be settled once: settling consumes it. It
/// dereferences to the [`Message`].
///
/// Its lease is renewed while it lives. Dropping it unsettled stops that, and it is delivered
/// again when the lease has run out; the attempt counts.
#[must_use = "a delivery that is not settled is delivered again"]
pub struct Delivery {
    received: Received,
    shared: Arc<Shared>,
}

impl Delivery {
    pub(super) fn new(received: Received, shared: Arc<Shared>) -> Self {
        Self { received, shared }
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

    /// The backend's handle on this delivery.
    pub fn token(&self) -> Token {
        self.received.token
    }

    /// Marks it as done. `Settled::Stale` means that the lease had been lost and somebody else
    /// may handle the message too.
    ///
    /// # Errors
    /// Of the connection or store; the message is then delivered again unless `Indeterminate`.
    pub async fn ack(self) -> Result<Settled> {
        one(self.shared.settler.ack(&[self.received.token]).await?)
    }

    /// Gives it back as failed, with a reason for its history.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub async fn nack(self, reason: &str, requeue: Requeue) -> Result<Settled> {
        let mut nack = Nack::retry(self.received.token, std::time::Duration::ZERO, reason);
        if requeue == Requeue::Never {
            nack = Nack::reject(self.received.token, DeadLetterReason::Rejected, reason);
        }
        nack.requeue = requeue;
        one(self.shared.settler.nack(&[nack]).await?)
    }

    /// Makes it a dead letter of this reason.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub async fn reject(self, reason: DeadLetterReason, text: &str) -> Result<Settled> {
        let nack = Nack::reject(self.received.token, reason, text);
        one(self.shared.settler.nack(&[nack]).await?)
    }

    /// Gives it back unhandled; the attempt does not count.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub async fn release(self) -> Result<Settled> {
        one(self.shared.settler.release(&[self.received.token]).await?)
    }
}

fn one(settled: Vec<Settled>) -> Result<Settled> {
    settled.into_iter().next().ok_or_else(|| {
        Error::new(
            ErrorKind::Unexpected,
            "the backend gave no outcome for a settlement",
        )
    })
}

impl Deref for Delivery {
    type Target = Message;
    fn deref(&self) -> &Message {
        &self.received.message
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.shared.forget(self.received.token);
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("message", &self.received.message)
            .field("attempt", &self.received.attempt)
            .field("token", &self.received.token)
            .finish()
    }
}
