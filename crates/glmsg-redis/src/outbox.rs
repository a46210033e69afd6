//! Acks on their way: those of one source gather, and go with its next read, or by themselves.
//!
//! A pipeline that carries the acks of the last batch and the read of the next costs the server
//! and the client one exchange in place of two. An ack does not wait for that: if no read begins
//! while its task lets the others go first, it is sent at once.

mod acks;

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_core::Result;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

pub(crate) use self::acks::{Acks, Way};

use crate::RedisSettler;
use crate::broker::closed;
use crate::member::Held;

/// The most ids that one command carries.
pub(crate) const MOST: usize = 1000;

/// How long whoever acks waits for others to send it.
const LATE: Duration = Duration::from_millis(500);

/// How long a turn may take: an ack is at the server within 100 ms.
const TURN: Duration = Duration::from_millis(50);

/// The acks of a source that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Parcel>,
    /// A task sends what waits, until nothing does.
    is_sending: bool,
}

/// The acks of one call. Its deliveries are being settled.
#[derive(Debug)]
struct Parcel {
    held: Arc<Vec<Held>>,
    /// They were sent before, and the answer was lost.
    is_in_doubt: bool,
    answer: oneshot::Sender<Told>,
}

/// What whoever acks is told.
#[derive(Debug)]
enum Told {
    /// What became of each.
    Done(Result<Vec<bool>>),
    /// Nobody sends them any more: a runtime has ended, or a read broke off. They are sent by whoever waits for them.
    Again { was_sent: bool },
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts acks in line.
    fn add(&self, held: &Arc<Vec<Held>>, is_in_doubt: bool) -> oneshot::Receiver<Told> {
        let (answer, told) = oneshot::channel();
        let parcel = Parcel {
            held: Arc::clone(held),
            is_in_doubt,
            answer,
        };
        self.state().waiting.push(parcel);
        told
    }

    /// Nobody sends these any more: they go once more, by whoever waits for them. Where nobody does, they are in line.
    fn hand_back(&self, parcels: Vec<Parcel>, was_sent: bool) {
        for parcel in parcels {
            let was_sent = was_sent || parcel.is_in_doubt;
            if parcel.answer.send(Told::Again { was_sent }).is_err() {
                drop(self.add(&parcel.held, was_sent));
            }
        }
    }

    /// Whether nothing waits, and the task that sends ends.
    fn ends(&self) -> bool {
        let mut state = self.state();
        state.is_sending = !state.waiting.is_empty();
        !state.is_sending
    }

    /// The first that wait, as many as go together.
    fn take(&self) -> Vec<Parcel> {
        let mut state = self.state();
        let (mut ids, mut taken) = (0, 0);
        for parcel in &state.waiting {
            ids += parcel.held.len();
            if taken > 0 && ids > MOST {
                break;
            }
            taken += 1;
        }
        let rest = state.waiting.split_off(taken);
        mem::replace(&mut state.waiting, rest)
    }
}

impl RedisSettler {
    /// Acks first attempts within their leases, at most [`MOST`]. For each, whether it was.
    pub(crate) async fn ack_soon(&self, held: Vec<Held>) -> Result<Vec<bool>> {
        let held = Arc::new(held);
        let mut is_in_doubt = false;
        loop {
            let told = self.outbox.add(&held, is_in_doubt);
            self.send_waiting();
            match timeout(LATE, told).await {
                Ok(Ok(Told::Done(done))) => return done,
                // No more than a try or two: where no read begins, they are sent by this runtime.
                Ok(Ok(Told::Again { was_sent })) => is_in_doubt |= was_sent,
                Ok(Err(_)) => return Err(closed()),
                Err(_) => break,
            }
        }
        // They went with a read that nobody polls, or by a runtime that stands still.
        let (acks, told) = self.alone(held, true);
        let link = &self.shared.link;
        let sent = link.send(self.group.slot, &acks.commands()).await;
        acks.end(sent);
        done(told).await
    }

    /// As [`ack_soon`](Self::ack_soon), and waits until the acks are as safe as configured.
    pub(crate) async fn ack_durably(&self, held: Vec<Held>) -> Result<Vec<bool>> {
        let (acks, told) = self.alone(Arc::new(held), false);
        let link = &self.shared.link;
        let sent = link.send_durably(self.group.slot, &acks.commands()).await;
        acks.end(sent);
        done(told).await
    }

    /// Acks that go by themselves.
    fn alone(&self, held: Arc<Vec<Held>>, is_in_doubt: bool) -> (Acks, oneshot::Receiver<Told>) {
        let (answer, told) = oneshot::channel();
        let parcel = Parcel {
            held,
            is_in_doubt,
            answer,
        };
        (Acks::new(self, vec![parcel]), told)
    }

    /// Sees to it that what waits is sent, by a task of its own: a caller that gives up must not
    /// take the acks of others with it.
    fn send_waiting(&self) {
        let mut state = self.outbox.state();
        if state.waiting.is_empty() || mem::replace(&mut state.is_sending, true) {
            return;
        }
        drop(state);
        tokio::spawn(send_soon(Sending(Some(self.clone()))));
    }

    /// What waits, to go with a read.
    pub(crate) fn take_acks(&self) -> Option<Acks> {
        let parcels = self.outbox.take();
        (!parcels.is_empty()).then(|| Acks::new(self, parcels))
    }
}

/// Sends what nobody takes along. Whoever has just acked may be about to read: on its thread this
/// runs after it, and elsewhere gives it a turn. A turn comes when this thread has nothing else to do,
/// which a handler that blocks it keeps from coming: so not without an end.
async fn send_soon(mut sending: Sending) {
    let Some(settler) = &sending.0 else { return };
    if !settler.outbox.state().waiting.is_empty() {
        let _ = timeout(TURN, yield_now()).await;
    }
    if !settler.outbox.ends() {
        // Boxed, as it is large, and seldom needed.
        Box::pin(send_all(settler)).await;
    }
    sending.0 = None;
}

/// What whoever sent them was told.
async fn done(told: oneshot::Receiver<Told>) -> Result<Vec<bool>> {
    match told.await {
        Ok(Told::Done(done)) => done,
        _ => Err(closed()),
    }
}

/// The task that sends, until it has sent all. Where it ends before that, with its runtime or by a
/// panic, those who wait see to their own.
struct Sending(Option<RedisSettler>);

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(settler) = &self.0 {
            let waiting = {
                let mut state = settler.outbox.state();
                state.is_sending = false;
                mem::take(&mut state.waiting)
            };
            settler.outbox.hand_back(waiting, false);
        }
    }
}

async fn send_all(settler: &RedisSettler) {
    loop {
        let Some(acks) = settler.take_acks() else {
            if settler.outbox.ends() {
                return;
            }
            continue;
        };
        let commands = acks.commands();
        let link = &settler.shared.link;
        acks.end(link.send(settler.group.slot, &commands).await);
    }
}
