//! Acks that are being sent.

use std::mem;

use glmsg_core::{Error, ErrorKind, Result};
use redis::{Cmd, Pipeline, Value};
use tokio::time::Instant;

use super::{Parcel, Told};
use crate::RedisSettler;
use crate::connection::{Replies, put_head, put_word};
use crate::encode::{next, number};
use crate::keys::LANES;
use crate::member::Held;

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

impl Acks {
    pub(super) fn new(settler: &RedisSettler, parcels: Vec<Parcel>) -> Self {
        let mut by_lane = [0; LANES];
        for held in parcels.iter().flat_map(|parcel| parcel.held.iter()) {
            by_lane[usize::from(held.lane)] += 1;
        }
        Self {
            settler: settler.clone(),
            parcels,
            by_lane,
        }
    }

    /// One command for each lane.
    pub(super) fn commands(&self) -> Pipeline {
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
        self.parcels.iter().flat_map(|parcel| parcel.held.iter())
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
                // Those of another lane may have been acked.
                (Err(_), Way::Read) => return self.hand_back(),
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
            let _ = parcel.answer.send(Told::Done(told));
        }
    }

    /// Nobody knows what became of them.
    fn hand_back(&mut self) {
        let parcels = mem::take(&mut self.parcels);
        if parcels.is_empty() {
            return;
        }
        self.settler.outbox.hand_back(parcels, true);
        if tokio::runtime::Handle::try_current().is_ok() {
            self.settler.send_waiting();
        }
    }

    /// Tells what the link made of them.
    pub(super) fn end(self, sent: Result<Replies>) {
        match sent {
            Ok(replies) => {
                let was_resent = replies.was_resent;
                self.done(replies.values, Way::Link { was_resent });
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Tells that they failed.
    pub(crate) fn fail(mut self, error: &Error) {
        for parcel in self.parcels.drain(..) {
            let _ = parcel.answer.send(Told::Done(Err(error.duplicate())));
        }
    }
}

/// The command does not look who holds a message. What stood still on its way may have come when somebody else had it, and
/// taken it from them.
fn too_late() -> Error {
    let text =
        "the answer came when the lease was over: others may have received the message before it";
    Error::new(ErrorKind::Indeterminate, text).remedy("a longer lease outlives such a stop")
}

impl Drop for Acks {
    fn drop(&mut self) {
        self.hand_back();
    }
}
