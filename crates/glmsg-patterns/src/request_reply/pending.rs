//! The requests that wait for a reply, and what became of the others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glmsg_core::{Error, Message};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::correlation::{ById, CorrelationId};

/// How many ended requests are remembered, to tell late replies from duplicates.
const REMEMBERED: usize = 16_384;

/// What a [`Requester`](super::Requester) has done and is doing.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequesterStats {
    /// Requests made.
    pub requests: u64,
    /// Requests that got their reply, those included whose answer was an error.
    pub replies: u64,
    /// Replies among them that were errors.
    pub refused: u64,
    /// Requests without a reply in their time.
    pub timed_out: u64,
    /// Requests whose future was dropped before a reply came.
    pub abandoned: u64,
    /// Replies that came when nobody waited any more. They were dropped.
    pub late: u64,
    /// Replies that came a second time. They were dropped.
    pub duplicates: u64,
    /// Messages in the inbox that answer no request of ours. They were dropped.
    pub strange: u64,
    /// Requests that wait for a reply now.
    pub in_flight: u64,
}

#[derive(Default)]
pub(super) struct Pending(Mutex<Table>);

#[derive(Default)]
struct Table {
    waiting: ById<oneshot::Sender<Result<Message, Error>>>,
    /// Whether each ended request was answered.
    ended: ById<bool>,
    order: VecDeque<CorrelationId>,
    stats: RequesterStats,
    is_closed: bool,
}

impl Table {
    fn end(&mut self, id: CorrelationId, answered: bool) {
        self.ended.insert(id, answered);
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }
}

impl Pending {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the reply to `id` from now on; `None` if the requester is closed.
    pub(super) fn wait(self: &Arc<Self>, id: CorrelationId, deadline: Instant) -> Option<Waiting> {
        let (sender, receiver) = oneshot::channel();
        let mut table = self.table();
        if table.is_closed {
            return None;
        }
        table.waiting.insert(id, sender);
        table.stats.requests += 1;
        Some(Waiting {
            id,
            deadline,
            receiver,
            pending: self.clone(),
        })
    }

    /// Hands a reply to who waits for it.
    pub(super) fn came(&self, reply: Message) {
        let id = reply.correlation_id().and_then(CorrelationId::parse);
        let mut table = self.table();
        let Some(id) = id else {
            table.stats.strange += 1;
            return;
        };
        if let Some(waiting) = table.waiting.remove(&id) {
            table.end(id, true);
            table.stats.replies += 1;
            table.stats.refused += u64::from(reply.header(super::ERROR_CODE).is_some());
            // Who waits may be gone in this very moment.
            drop(waiting.send(Ok(reply)));
            return;
        }
        match table.ended.get(&id).copied() {
            Some(true) => table.stats.duplicates += 1,
            Some(false) => {
                // What comes again is a duplicate.
                table.ended.insert(id, true);
                table.stats.late += 1;
            }
            None => table.stats.strange += 1,
        }
    }

    /// Whether somebody waits for the reply to `id`.
    pub(super) fn is_waited_for(&self, id: CorrelationId) -> bool {
        self.table().waiting.contains_key(&id)
    }

    /// The request could not be sent.
    pub(super) fn failed(&self, id: CorrelationId, error: Error) {
        let mut table = self.table();
        if let Some(waiting) = table.waiting.remove(&id) {
            table.end(id, false);
            // Who waits may be gone in this very moment.
            drop(waiting.send(Err(error)));
        }
    }

    /// A request found no place in its time.
    pub(super) fn timed_out(&self) {
        let mut table = self.table();
        table.stats.requests += 1;
        table.stats.timed_out += 1;
    }

    /// Nobody waits any more, and nobody will.
    pub(super) fn close(&self) {
        let mut table = self.table();
        table.is_closed = true;
        table.waiting.clear();
    }

    pub(super) fn stats(&self) -> RequesterStats {
        let table = self.table();
        RequesterStats {
            in_flight: table.waiting.len() as u64,
            ..table.stats
        }
    }
}

/// One request that waits. Dropping it ends the waiting.
pub(super) struct Waiting {
    id: CorrelationId,
    deadline: Instant,
    receiver: oneshot::Receiver<Result<Message, Error>>,
    pending: Arc<Pending>,
}

impl Waiting {
    /// The reply, or why the request could not be sent; `None` if the requester was closed.
    pub(super) async fn reply(&mut self) -> Option<Result<Message, Error>> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut table = self.pending.table();
        if table.waiting.remove(&self.id).is_some() {
            table.end(self.id, false);
            match Instant::now() >= self.deadline {
                true => table.stats.timed_out += 1,
                false => table.stats.abandoned += 1,
            }
        }
    }
}
