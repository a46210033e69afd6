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
    /// Its subscription has forgotten it already.
    is_forgotten: bool,
}

impl Delivery {
    pub(super) fn new(received: Received, shared: Arc<Shared>) -> Self {
        Self {
            received,
            shared,
            is_forgotten: false,
        }
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

    /// Marks many as done, of one subscription or of several: one call to the broker for those of
    /// one that follow each other. One outcome for each, in their order, as [`ack`](Self::ack)
    /// gives it.
    ///
    /// ```
    /// # use glmsg_broker::{Delivery, Subscription};
    /// # async fn example(subscription: &mut Subscription) -> glmsg_core::Result<()> {
    /// let batch = subscription.recv_batch(500).await?;
    /// for delivery in &batch {
    ///     println!("{}", delivery.id());
    /// }
    /// Delivery::ack_all(batch).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Of the connection or store; those that are not acked by then are delivered again.
    pub async fn ack_all(batch: impl IntoIterator<Item = Self>) -> Result<Vec<Settled>> {
        let mut batch: Vec<Self> = batch.into_iter().collect();
        let mut settled = Vec::with_capacity(batch.len());
        let mut rest = &mut batch[..];
        while let Some(first) = rest.first() {
            let shared = Arc::clone(&first.shared);
            let is_same = |delivery: &&Self| Arc::ptr_eq(&delivery.shared, &shared);
            let same = rest.iter().take_while(is_same).count();
            let (these, others) = rest.split_at_mut(same);
            let tokens: Vec<Token> = these.iter().map(Self::token).collect();
            settled.extend(shared.settler.ack(&tokens).await?);
            shared.forget(&tokens);
            for delivery in these {
                delivery.is_forgotten = true;
            }
            rest = others;
        }
        Ok(settled)
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
        if !self.is_forgotten {
            self.shared.forget(&[self.received.token]);
        }
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
