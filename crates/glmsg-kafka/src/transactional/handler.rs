//! Transactions around a handler.

use std::fmt;
use std::time::Duration;

use glmsg_core::{
    Attempt, AttemptOutcome as Outcome, Clock as _, DeadLetterReason, ErrorKind, Message, Result,
    SystemClock,
};

use super::Transactional;
use super::calling::guarded;
use super::state::Input;

/// How long it rests at first, and at most, where the cluster cannot do what is asked.
const RESTS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// The most messages whose failures are remembered.
const MOST_FAILURES: usize = 10_000;

impl Transactional {
    /// Handles messages for as long as it is polled: reads up to
    /// [`batch`](super::TransactionalOptions::batch) that are there, has the handler make of each what
    /// is to be published, and commits all of it together.
    ///
    /// ```no_run
    /// # async fn example(mut biller: glmsg_kafka::Transactional) -> glmsg_core::Result<()> {
    /// use glmsg_core::{Message, Result};
    ///
    /// let invoice = |order: glmsg_kafka::Input| async move {
    ///     Ok::<_, glmsg_core::Error>(vec![Message::new("invoices", order.message.payload().clone())?])
    /// };
    /// tokio::select! {
    ///     ended = biller.run(invoice) => ended?,
    ///     _ = shutdown() => {}
    /// }
    /// biller.close().await;
    /// # Ok(())
    /// # }
    /// # async fn shutdown() {}
    /// ```
    ///
    /// If the handler fails or panics, or what it returns cannot be published, the whole transaction is
    /// aborted, and after [`retry_delay`](super::TransactionalOptions::retry_delay) all its messages
    /// come again, also those that were handled well. A message that has failed
    /// [`max_attempts`](Message::max_attempts) times becomes a dead letter, in the same transaction as
    /// the results of the others.
    ///
    /// Attempts are counted at delivery, across processes: a message that kills each process that handles
    /// it is a dead letter when its attempts are used up. Once it may have ended two processes it comes
    /// in a transaction of its own, so it takes no other along. The first time may not be counted. What
    /// was in a transaction that went well but for another message, or that ended because the process
    /// did in order, is not counted.
    ///
    /// What the cluster cannot do for now is tried again without end.
    ///
    /// Cancel-safe: the transaction under way is aborted.
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin) that are not transient. It can be called again.
    pub async fn run<H, F, E>(&mut self, mut handler: H) -> Result<()>
    where
        H: FnMut(Input) -> F,
        F: Future<Output = Result<Vec<Message>, E>>,
        E: fmt::Display,
    {
        let mut rest = RESTS.0;
        loop {
            match self.round(&mut handler).await {
                Ok(true) => rest = RESTS.0,
                Ok(false) => tokio::time::sleep(self.options.retry_delay).await,
                Err(error) if error.is_transient() => {
                    tracing::debug!(%error, "a transaction failed, and is tried again");
                    tokio::time::sleep(rest).await;
                    rest = (rest * 2).min(RESTS.1);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// One transaction. Tells whether it was committed; it was not if the handler has failed.
    async fn round<H, F, E>(&mut self, handler: &mut H) -> Result<bool>
    where
        H: FnMut(Input) -> F,
        F: Future<Output = Result<Vec<Message>, E>>,
        E: fmt::Display,
    {
        let batch = self.options.batch;
        let mut transaction = self.begin().await?;
        let inputs = transaction.recv_all(batch).await?;
        for input in &inputs {
            if let Some(error) = transaction.home().is_used_up(input) {
                transaction.dead_letter(input, DeadLetterReason::MaxRetries, &error)?;
                continue;
            }
            let (outcome, error) = match guarded(async { handler(input.clone()).await }).await {
                Ok(Ok(messages)) => match transaction.publish(&messages).await {
                    Ok(()) => continue,
                    Err(error) if is_of_message(&error) => (Outcome::Failed, error.to_string()),
                    Err(error) => return Err(error),
                },
                Ok(Err(error)) => (Outcome::Failed, error.to_string()),
                Err(panic) => (Outcome::Panicked, panic),
            };
            if !transaction.home().has_failed(input, outcome, &error) {
                transaction.abort().await?;
                return Ok(false);
            }
            transaction.dead_letter(input, DeadLetterReason::MaxRetries, &error)?;
        }
        transaction.commit().await?;
        for input in &inputs {
            self.failures.remove(&input.held.place);
        }
        Ok(true)
    }

    /// How the last attempt at a message failed, if it has had all of them: the transaction that was
    /// to hold its dead letter was aborted for another reason.
    fn is_used_up(&self, input: &Input) -> Option<Box<str>> {
        let last = self.failures.get(&input.held.place)?.last()?;
        (last.number >= input.message.max_attempts()).then(|| last.error.clone())
    }

    /// Notes that handling a message has failed. Tells whether it was its last attempt.
    fn has_failed(&mut self, input: &Input, outcome: Outcome, error: &str) -> bool {
        if self.failures.len() >= MOST_FAILURES {
            // Of partitions that have gone to others, mostly.
            self.failures.clear();
        }
        let place = input.held.place;
        self.desk.state().fail(place);
        let before = &input.held.entry;
        let history = self.failures.entry(place);
        let history = history.or_insert_with(|| before.history.clone());
        let last = history.last().map_or(0, |last| last.number);
        let number = last.max(before.attempts) + 1;
        let now = SystemClock.now();
        history.push(Attempt::new(number, now, outcome, error));
        number >= input.message.max_attempts()
    }
}

/// Whether it is the message that cannot be published.
fn is_of_message(error: &glmsg_core::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::TooLarge | ErrorKind::InvalidArgument | ErrorKind::PermissionDenied
    )
}
