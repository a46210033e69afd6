//! A task of a broker: one request under way, and then the next with all that has come since. Another one has
//! the partitions of which nothing is under way.

pub(super) mod answer;
mod request;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::batch::Batch;
use super::state::At;
use super::{Failure, Shared};
use crate::Connection;

/// The most bytes of a request, unless one batch has more.
const REQUEST: usize = 8 * 1024 * 1024;
/// The newest versions that are known here to be fine.
const PRODUCE: i16 = 9;
const INIT_PRODUCER: i16 = 4;
/// The longest that an answer is waited for.
const LONGEST: Duration = Duration::from_secs(30);
/// After how long a connection is not trusted: brokers close those that nobody uses, in ten minutes by
/// default.
const IDLE: Duration = Duration::from_secs(240);

/// What a task does next.
enum Rest {
    /// There is something to send.
    Due,
    /// It waits for the bell.
    Wait(Arc<Notify>),
    /// The producer is gone, and all is sent.
    End,
}

/// A task of a broker.
pub(super) struct Sender {
    shared: Arc<Shared>,
    node: i32,
    /// Which of the broker's.
    lane: usize,
    connection: Option<(Connection, Instant)>,
    /// What was taken, and is not settled. It goes back where it came from if the task ends.
    under_way: Vec<(At, Batch)>,
    /// It was told that it has ended.
    is_done: bool,
}

impl Sender {
    pub(super) fn new(shared: &Arc<Shared>, node: i32, lane: usize) -> Self {
        Self {
            shared: Arc::clone(shared),
            node,
            lane,
            connection: None,
            under_way: Vec::new(),
            is_done: false,
        }
    }

    /// Sends until the producer is dropped and nothing is left.
    pub(super) async fn run(mut self) {
        loop {
            match self.rest() {
                Rest::Due => {}
                Rest::Wait(bell) => {
                    self.wait(&bell).await;
                    continue;
                }
                Rest::End => return,
            }
            match self.connected().await {
                Ok(()) => self.send().await,
                Err(error) => self.give_up(&error),
            }
        }
    }

    fn rest(&mut self) -> Rest {
        let mut state = self.shared.state();
        let Some(bell) = state.rest(self.node, self.lane) else {
            return Rest::Due;
        };
        if !self.shared.is_over.load(Ordering::Acquire) {
            return Rest::Wait(bell);
        }
        // At once, so that whoever has something for it begins another.
        self.is_done = true;
        state.has_ended(self.node, self.lane);
        Rest::End
    }

    async fn wait(&self, bell: &Notify) {
        bell.notified().await;
        let linger = self.shared.settings.linger;
        if linger.is_zero() {
            // Others that are about to put something do so first: it goes with the same request.
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(linger).await;
        }
    }

    /// Sees to a connection that can be used, and to the producer's number.
    async fn connected(&mut self) -> Result<()> {
        let is_usable = |(connection, used): &(Connection, Instant)| {
            used.elapsed() < IDLE && !connection.is_due()
        };
        if !self.connection.as_ref().is_some_and(is_usable) {
            self.connection = None;
            let made = self.shared.cluster.connect(self.node).await?;
            self.connection = Some((made, Instant::now()));
        }
        let has_identity = self.shared.state().identity.is_some();
        if self.shared.settings.sends_again && !has_identity {
            self.identify().await?;
        }
        Ok(())
    }

    /// Asks for a number, by which the brokers know what they have had of this producer.
    async fn identify(&mut self) -> Result<()> {
        let Some((connection, _)) = &mut self.connection else {
            return Ok(());
        };
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(i32::MAX)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let version = connection.version::<InitProducerIdRequest>(INIT_PRODUCER)?;
        let answer = match connection.ask(&request, version).await {
            Ok(answer) => answer,
            Err(error) => {
                self.connection = None;
                return Err(error);
            }
        };
        if answer.error_code != 0 {
            return Err(refused(answer.error_code));
        }
        let mut state = self.shared.state();
        // Another broker's task may have been quicker: there is one for all.
        let identity = (*answer.producer_id, answer.producer_epoch);
        state.identity.get_or_insert(identity);
        Ok(())
    }

    /// Sends what is due, and settles what was answered.
    async fn send(&mut self) {
        let has_more;
        {
            let mut state = self.shared.state();
            // Another broker's task may have used up the number meanwhile.
            if self.shared.settings.sends_again && state.identity.is_none() {
                return;
            }
            self.under_way = state.take(self.node, REQUEST);
            has_more = state.has_due(self.node);
        }
        if has_more {
            // More than goes with one request.
            super::call::wake(&self.shared, self.node);
        }
        self.expire();
        if self.under_way.is_empty() {
            return;
        }
        let timeout = self.shared.settings.timeout.min(LONGEST);
        let request = request::build(&self.shared, &mut self.under_way, timeout);
        let answer = match &mut self.connection {
            Some((connection, _)) => ask(connection, &request, timeout).await,
            None => Err(Error::new(ErrorKind::Unavailable, "there is no connection")),
        };
        // The batches' bytes are theirs again.
        drop(request);
        match answer {
            Ok(answer) => {
                if let Some((_, used)) = &mut self.connection {
                    *used = Instant::now();
                }
                self.settle(&answer);
            }
            Err(error) => {
                self.connection = None;
                self.lose(error);
            }
        }
    }

    fn settle(&mut self, answer: &ProduceResponse) {
        let under_way = std::mem::take(&mut self.under_way);
        // What waits for these partitions goes next, by this task.
        self.shared.state().is_seen_to(self.node);
        answer::settle(&self.shared, under_way, answer);
    }

    /// The broker cannot be reached: others may lead its partitions, or it comes back.
    fn give_up(&mut self, error: &Error) {
        tracing::debug!(node = self.node, %error, "a broker cannot be reached");
        let mut state = self.shared.state();
        let now = Instant::now();
        state.trouble = Some((now, Arc::new(error.duplicate())));
        let moved = state.drain(self.node);
        let mut woken = None;
        for at in moved {
            state.partition(at).lose_leader(now);
            woken = state.list(at).or(woken);
        }
        drop(state);
        if let Some(node) = woken {
            super::call::wake(&self.shared, node);
        }
    }

    /// No answer came to what is under way.
    fn lose(&mut self, error: Error) {
        tracing::debug!(node = self.node, %error, "no answer came");
        let failure = Failure::Unanswered(Arc::new(error));
        let under_way = std::mem::take(&mut self.under_way);
        answer::lose(&self.shared, under_way, &failure);
    }

    /// What has waited for too long is not sent any more.
    fn expire(&mut self) {
        let now = Instant::now();
        if self.under_way.iter().all(|(_, batch)| batch.deadline > now) {
            return;
        }
        let all = std::mem::take(&mut self.under_way);
        let (late, rest) = all
            .into_iter()
            .partition(|(_, batch): &(At, Batch)| batch.deadline <= now);
        self.under_way = rest;
        answer::expire(&self.shared, late);
    }
}

impl Drop for Sender {
    /// Also when its runtime ends: whoever waits begins another.
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        if !self.shared.settings.sends_again && !self.under_way.is_empty() {
            self.lose(interrupted());
        }
        let mut state = self.shared.state();
        let waiting: Vec<At> = self.under_way.iter().map(|(at, _)| *at).collect();
        for (at, mut batch) in self.under_way.drain(..) {
            batch.is_in_doubt = true;
            state.partition(at).put_back(batch);
        }
        for at in waiting {
            state.list(at);
        }
        self.shared.leave(state, self.node, self.lane);
    }
}

async fn ask(
    connection: &mut Connection,
    request: &ProduceRequest,
    timeout: Duration,
) -> Result<ProduceResponse> {
    let version = connection.version::<ProduceRequest>(PRODUCE)?;
    // The broker has that long to have it copied, and the answer is under way for a while.
    connection
        .ask_within(request, version, timeout + timeout / 4)
        .await
}

fn interrupted() -> Error {
    let text = "the runtime that sent it has ended";
    Error::new(ErrorKind::Unavailable, text)
}

fn refused(code: i16) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the cluster gives this producer no number",
    )
    .with("code", code)
}

#[cfg(test)]
mod tests;
