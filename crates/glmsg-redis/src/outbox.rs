//! Acks on their way: those of one source gather, and go with its next read, or by themselves.
//!
//! A pipeline that carries the acks of the last batch and the read of the next costs the server
//! and the client one exchange in place of two. An ack does not wait for that: if no read begins
//! while its task lets the others go first, it is sent at once.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use redis::{Cmd, Pipeline, Value};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::RedisSettler;
use crate::broker::closed;
use crate::connection::{put_head, put_word};
use crate::encode::{next, number};
use crate::keys::LANES;
use crate::member::Held;

/// The most ids that one command carries.
pub(crate) const MOST: usize = 1000;

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
    held: Vec<Held>,
    /// They were sent before, and the answer was lost.
    is_in_doubt: bool,
    answer: oneshot::Sender<Result<Vec<bool>>>,
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Acks that are being sent. If nobody learns what became of them, they are sent again.
pub(crate) struct Acks {
    settler: RedisSettler,
    parcels: Vec<Parcel>,
    /// For each lane, its ids.
    by_lane: [usize; LANES],
}

/// How acks were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// With a read.
    Read,
    /// By themselves.
    Link {
        /// More than once, and an earlier try may have worked.
        was_resent: bool,
    },
}

impl RedisSettler {
    /// Acks first attempts within their leases, at most [`MOST`]. For each, whether it was.
    pub(crate) async fn ack_soon(&self, held: Vec<Held>) -> Result<Vec<bool>> {
        let (answer, told) = oneshot::channel();
        let parcel = Parcel {
            held,
            is_in_doubt: false,
            answer,
        };
        self.outbox.state().waiting.push(parcel);
        self.send_waiting();
        told.await.unwrap_or_else(|_| Err(closed()))
    }

    /// As [`ack_soon`](Self::ack_soon), and waits until the acks are as safe as configured.
    pub(crate) async fn ack_durably(&self, held: Vec<Held>) -> Result<Vec<bool>> {
        let (answer, told) = oneshot::channel();
        let parcel = Parcel {
            held,
            is_in_doubt: false,
            answer,
        };
        let acks = Acks::new(self, vec![parcel]);
        let commands = acks.commands();
        let sent = self.shared.link.send_durably(self.group.slot, &commands);
        match sent.await {
            Ok(replies) => {
                let was_resent = replies.was_resent;
                acks.done(replies.values, Way::Link { was_resent });
            }
            Err(error) => acks.fail(&error),
        }
        told.await.unwrap_or_else(|_| Err(closed()))
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

/// The task that sends, until it has sent all. Where it ends before that, with its runtime or by a
/// panic, whoever acks next begins another.
struct Sending(Option<RedisSettler>);

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(settler) = &self.0 {
            settler.outbox.state().is_sending = false;
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
        match link.send(settler.group.slot, &commands).await {
            Ok(replies) => {
                let was_resent = replies.was_resent;
                acks.done(replies.values, Way::Link { was_resent });
            }
            Err(error) => acks.fail(&error),
        }
    }
}

impl Acks {
    fn new(settler: &RedisSettler, parcels: Vec<Parcel>) -> Self {
        let mut by_lane = [0; LANES];
        for held in parcels.iter().flat_map(|parcel| &parcel.held) {
            by_lane[usize::from(held.lane)] += 1;
        }
        Self {
            settler: settler.clone(),
            parcels,
            by_lane,
        }
    }

    /// One command for each lane.
    fn commands(&self) -> Pipeline {
        let mut commands = Pipeline::with_capacity(LANES);
        for (lane, count) in self.lanes() {
            let mut ack = Cmd::with_capacity(3 + count, 64 + 24 * count);
            self.each_word(lane, |word| {
                ack.arg(word);
            });
            commands.add_command(ack);
        }
        commands
    }

    /// Appends the same commands as bytes. Returns how many they are.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) -> usize {
        let mut commands = 0;
        for (lane, count) in self.lanes() {
            bytes.reserve(128 + 48 * count);
            put_head(bytes, b'*', 3 + count);
            self.each_word(lane, |word| put_word(bytes, word));
            commands += 1;
        }
        commands
    }

    /// The words of the command for a lane.
    fn each_word(&self, lane: u8, mut put: impl FnMut(&[u8])) {
        let group = &self.settler.group;
        put(b"XACK");
        put(group.lane(lane).as_bytes());
        put(group.stream_name.as_bytes());
        for held in self.held().filter(|held| held.lane == lane) {
            put(held.id.text().as_bytes());
        }
    }

    /// The lanes that have any, and how many.
    fn lanes(&self) -> impl Iterator<Item = (u8, usize)> {
        let each = (0_u8..).zip(self.by_lane);
        each.filter(|(_, count)| *count > 0)
    }

    fn held(&self) -> impl Iterator<Item = &Held> {
        self.parcels.iter().flat_map(|parcel| &parcel.held)
    }

    /// Tells what became of them. What the server refused fails, if it was asked by the link; a
    /// server that was asked in passing may be the wrong one, which the link finds out.
    pub(crate) fn done(mut self, answers: Vec<Value>, by: Way) {
        let mut is_acked = [false; LANES];
        let mut answers = answers.into_iter();
        for (count, is_acked) in self.by_lane.iter().zip(&mut is_acked) {
            if *count == 0 {
                continue;
            }
            match (next(&mut answers).and_then(number), by) {
                // All or nothing, but where a full topic has dropped some that were out.
                (Ok(acked), by) => *is_acked = acked > 0 || by == Way::Link { was_resent: true },
                (Err(_), Way::Read) => return self.send_again(false),
                (Err(error), Way::Link { .. }) => return self.fail(&error),
            }
        }
        let now = Instant::now();
        for parcel in self.parcels.drain(..) {
            let of_lane = |held: &Held| is_acked[usize::from(held.lane)] || parcel.is_in_doubt;
            let told = if parcel.held.iter().any(|held| held.until <= now) {
                Err(too_late())
            } else {
                Ok(parcel.held.iter().map(of_lane).collect())
            };
            // Who has given up is not told.
            let _ = parcel.answer.send(told);
        }
    }

    fn send_again(&mut self, is_in_doubt: bool) {
        let mut again = mem::take(&mut self.parcels);
        for parcel in &mut again {
            parcel.is_in_doubt |= is_in_doubt;
        }
        self.settler.outbox.state().waiting.extend(again);
        if tokio::runtime::Handle::try_current().is_ok() {
            self.settler.send_waiting();
        }
    }

    /// Tells that they failed.
    pub(crate) fn fail(mut self, error: &Error) {
        for parcel in self.parcels.drain(..) {
            let _ = parcel.answer.send(Err(error.duplicate()));
        }
    }
}

/// The command does not look who holds a message. What stood still on its way may have come when somebody else had it, and
/// taken it from them.
fn too_late() -> Error {
    let text = "the answer came when the lease was over; the message is done, and others may have received it before that";
    Error::new(ErrorKind::Indeterminate, text)
}

impl Drop for Acks {
    fn drop(&mut self) {
        if !self.parcels.is_empty() {
            self.send_again(true);
        }
    }
}
