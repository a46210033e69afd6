//! A transaction, as its holder sees it.

use std::fmt;
use std::sync::Arc;

use glmsg_core::{DeadLetterReason, Message, Result};

use super::Transactional;
use super::state::{Input, Outgoing};
use super::worker::Command;
use crate::broker::closed;
use crate::publish::{check_size, place};

/// The most bytes of messages that wait to be handed to the producer.
const MOST_WAITING: usize = 16 * 1024 * 1024;

/// A transaction of a [`Transactional`]: what it publishes and how far it has read are stored
/// together by [`commit`](Self::commit), or not at all. Dropping it aborts it.
pub struct Transaction<'t> {
    home: &'t mut Transactional,
    is_over: bool,
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transaction").field(&self.home).finish()
    }
}

impl<'t> Transaction<'t> {
    pub(super) fn new(home: &'t mut Transactional) -> Self {
        Self {
            home,
            is_over: false,
        }
    }

    /// Reads at most `max` messages that are there, and waits for the first if there is none.
    ///
    /// They are empty if all that came was set aside: a message that cannot be read or has expired is
    /// made a dead letter, and one that is scheduled is sent on to wait, both in this transaction.
    /// Commit it then, or receive again.
    ///
    /// A message that has been with others [`max_attempts`](Message::max_attempts) times, and none came
    /// to say how it went, is made a dead letter, too. What else such others had is counted with it, so
    /// who handles by itself takes few at a time where [`attempt`](Input::attempt) is high;
    /// [`run`](Transactional::run) does.
    ///
    /// Cancel-safe: what is not returned is not read.
    ///
    /// # Errors
    /// A transient `Conflict` if partitions went to another member, `Timeout` if the transaction took
    /// too long: it is aborted then. `Conflict` if another has opened the transactional id,
    /// `NotFound` if the group was deleted, `Closed` if the broker is closed.
    pub async fn recv(&mut self, max: usize) -> Result<Vec<Input>> {
        self.recv_with(max, false).await
    }

    async fn recv_with(&mut self, max: usize, is_solo: bool) -> Result<Vec<Input>> {
        let mut closing = self.home.shared.closed.subscribe();
        let received = tokio::select! {
            biased;
            received = self.receive(max, is_solo) => received,
            _ = closing.wait_for(|closed| *closed) => Err(closed()),
        };
        received.map_err(|e| e.operation("receive"))
    }

    /// The same; one that may have ended its process comes alone, and none are received after that.
    pub(super) async fn recv_all(&mut self, max: usize) -> Result<Vec<Input>> {
        self.recv_with(max, true).await
    }

    async fn receive(&mut self, max: usize, is_solo: bool) -> Result<Vec<Input>> {
        let desk = Arc::clone(&self.home.desk);
        loop {
            // Made before looking, so that nothing comes between looking and waiting.
            let changed = desk.changed.notified();
            let taken = desk.take(max, is_solo)?;
            if !taken.inputs.is_empty() || taken.was_aside || max == 0 {
                return Ok(taken.inputs);
            }
            match taken.must_tell {
                true => {
                    let tell = |answer| Command::Tell(max, is_solo, answer);
                    self.home.order(tell).await?;
                }
                false => changed.await,
            }
        }
    }

    /// Publishes messages in the transaction, to any topics; those that are not there are made.
    /// Readers see them when it is committed.
    ///
    /// When this returns they are on their way, or kept for a while to go with the commit. What goes wrong with them then is told by the next
    /// call, at the latest by [`commit`](Self::commit).
    ///
    /// Cancel-safe: if it is dropped, none of them is published.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv); `TooLarge` or `InvalidArgument` for a message that cannot be
    /// published, and then none of them is, and the transaction goes on.
    pub async fn publish(&mut self, messages: &[Message]) -> Result<()> {
        let published = self.try_publish(messages).await;
        published.map_err(|e| e.operation("publish"))
    }

    async fn try_publish(&mut self, messages: &[Message]) -> Result<()> {
        let Transactional { shared, desk, .. } = &*self.home;
        shared.check_open()?;
        let limit = shared.link.config().max_payload;
        let mut records = Vec::with_capacity(messages.len());
        for message in messages {
            check_size(message, limit).map_err(|e| e.with("topic", message.topic()))?;
            let names = shared.ensure_topic(message.topic()).await?;
            let encoded = shared.encoder.encode(message)?;
            records.push(Outgoing {
                topic: place(&names, message).to_owned(),
                partition: None,
                key: encoded.key.map(<[u8]>::to_vec),
                value: encoded.value,
                headers: encoded.headers,
            });
        }
        loop {
            let changed = desk.changed.notified();
            if self.home.desk.add(&mut records, MOST_WAITING)? {
                break;
            }
            desk.bell.ring();
            changed.await;
        }
        desk.bell.ring();
        Ok(())
    }

    /// Makes a dead letter of a message that this transaction has read.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    pub fn dead_letter(
        &mut self,
        input: &Input,
        reason: DeadLetterReason,
        detail: &str,
    ) -> Result<()> {
        let desk = &self.home.desk;
        let history = self.home.failures.get(&input.held.place);
        let mut entry = input.held.entry.clone();
        if let Some(history) = history {
            entry.attempts = history.last().map_or(0, |attempt| attempt.number);
            entry.history = history.clone();
        }
        let letter = desk.letter(&entry, reason, detail);
        desk.add(&mut vec![letter], usize::MAX)
            .map_err(|e| e.operation("dead letter"))?;
        desk.bell.ring();
        Ok(())
    }

    /// Commits: what was published is seen, and what was read is done.
    ///
    /// If the future is dropped, the commit goes on, and its outcome is not told. The next
    /// transaction begins after it.
    ///
    /// # Errors
    /// `Indeterminate` if it is not known whether it is committed. Do not do its work again: the
    /// next [`begin`](Transactional::begin) finds out, and what is not done comes again. After any
    /// other error it is not committed, and what was read comes again: those of
    /// [`recv`](Self::recv), and what the cluster has against what was published.
    pub async fn commit(mut self) -> Result<()> {
        self.is_over = true;
        let done = self.home.order(Command::Commit).await;
        done.map_err(|e| e.operation("commit"))
    }

    /// Aborts: nothing of it is seen, and what it read comes again.
    ///
    /// # Errors
    /// `Conflict` if another has opened the transactional id. It is aborted all the same.
    pub async fn abort(mut self) -> Result<()> {
        self.is_over = true;
        let done = self.home.order(|answer| Command::Abort(Some(answer))).await;
        done.map_err(|e| e.operation("abort"))
    }

    pub(super) fn home(&mut self) -> &mut Transactional {
        self.home
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.home.tell(Command::Abort(None));
        }
    }
}
