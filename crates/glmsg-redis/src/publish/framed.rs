//! Storing frames: by plain commands, and a step for each that notes how many messages it holds.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use glmsg_core::{Message, Result, wire};
use redis::Value;

use super::outcome::acknowledged;
use super::plain::{Plain, put, tail};
use crate::broker::Shared;
use crate::connection::{Answers, Borrowed};
use crate::frame;
use crate::known::Known;
use crate::place::EntryId;
use crate::recent::Framed;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
/// Room for the length of a frame and the end of its line.
const DIGITS: usize = 12;

/// What was written, each with where its frame stands, and what came back.
struct Exchanged {
    requests: Vec<(Vec<u8>, Range<usize>)>,
    answers: Answers,
    /// They are as safe as the durability level asks.
    reached: bool,
}

/// Cuts messages into frames; none where the topic has none.
pub(super) fn plan<'a>(known: &Known, batch: &'a [&'a Message]) -> Vec<&'a [&'a Message]> {
    let (most, mut rest, mut frames) = (known.packing.most(), batch, Vec::new());
    while most > 1 && !rest.is_empty() {
        let (frame, others) = rest.split_at(frame::first(rest, most));
        frames.push(frame);
        rest = others;
    }
    frames
}

impl Shared {
    /// Stores frames that there is room for, of messages that nobody has published before.
    pub(super) async fn store_framed(
        &self,
        borrowed: &mut Borrowed<'_>,
        known: &Arc<Known>,
        frames: &[&[&Message]],
        plain: &mut Plain,
    ) {
        let era = self.recent.era();
        match self.exchange_frames(borrowed, known, frames).await {
            Ok(exchanged) => {
                let stored = read(borrowed, known, frames, exchanged, plain);
                self.recent.note_framed(known, era, stored);
            }
            Err(error) => {
                tracing::debug!(%error, "the answer to a publish was lost");
                borrowed.doubt();
                plain.is_in_doubt = true;
            }
        }
    }

    /// Writes each frame as soon as it is made, so that the server stores it while the next is.
    async fn exchange_frames(
        &self,
        borrowed: &mut Borrowed<'_>,
        known: &Known,
        frames: &[&[&Message]],
    ) -> Result<Exchanged> {
        let seal = borrowed.seal();
        let mut requests = Vec::with_capacity(frames.len());
        let mut expected = 0;
        for frame in frames {
            let mut request = Vec::new();
            let (from, body) = if is_single(frame) {
                put(&mut request, known, frame[0]);
                let end = request.len() - 2;
                (0, end - wire::encoded_len(frame[0])..end)
            } else {
                self.put_frame(&mut request, known, frame)
            };
            expected += answers_of(frame);
            borrowed.write(&request[from..]).await?;
            requests.push((request, body));
        }
        let mut request = Vec::new();
        tail(&mut request, &seal.tail);
        if !request.is_empty() {
            borrowed.write(&request).await?;
        }
        let answers = borrowed.first_answers(expected).await?;
        let sealed = borrowed.answers(seal.tail.len(), seal.blocks.unwrap_or_default());
        let sealed = sealed.await?.values()?;
        Ok(Exchanged {
            requests,
            answers,
            reached: seal.is_reached(&sealed),
        })
    }

    /// Makes the transaction that stores a frame. Returns where it begins, and where the frame
    /// stands.
    fn put_frame(
        &self,
        request: &mut Vec<u8>,
        known: &Known,
        frame: &[&Message],
    ) -> (usize, Range<usize>) {
        // What stands before the frame says how long it is, which is known when it is made.
        let room = MULTI.len() + known.add_frame.len() + DIGITS;
        request.resize(room, 0);
        frame::put(request, frame);
        let mut head = Vec::with_capacity(room);
        head.extend_from_slice(MULTI);
        head.extend_from_slice(&known.add_frame);
        // Writing to a vector does not fail.
        let _ = write!(head, "{}\r\n", request.len() - room);
        let from = room - head.len();
        request[from..room].copy_from_slice(&head);
        let body = room..request.len();
        request.extend_from_slice(b"\r\n");
        let keys = known.keys.framed();
        self.scripts.note.put_note(request, &keys, frame.len());
        request.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
        (from, body)
    }
}

/// One that is alone needs no frame, unless it has a time to live, whose end the server would have
/// to reckon.
fn is_single(frame: &[&Message]) -> bool {
    matches!(frame, [message] if message.ttl().is_none())
}

/// How many answers come: in a transaction each command has one, and its end.
fn answers_of(frame: &[&Message]) -> usize {
    if is_single(frame) { 1 } else { 4 }
}

/// Reads what became of each. Returns what is stored as safely as it should be.
fn read(
    borrowed: &Borrowed<'_>,
    known: &Known,
    frames: &[&[&Message]],
    exchanged: Exchanged,
    plain: &mut Plain,
) -> Vec<Framed> {
    let Exchanged {
        requests,
        mut answers,
        reached,
    } = exchanged;
    let mut outcomes = plain.outcomes.iter_mut();
    let mut stored = Vec::new();
    for (frame, (request, body)) in frames.iter().zip(requests) {
        let id = stored_in(&mut answers, frame);
        if id.is_none() {
            // The topic is gone, or has no frames any more, or the server refuses: the step finds
            // out what is to be done.
            tracing::debug!("a plain publish was refused");
            known.room.forget();
            borrowed.doubt();
        }
        for outcome in outcomes.by_ref().take(frame.len()) {
            *outcome = id.map(|_| acknowledged(&known.topic, reached));
        }
        let of_entry = |id| Framed {
            id,
            request,
            body,
            messages: frame.len(),
        };
        known.was_there.fetch_or(id.is_some(), Relaxed);
        stored.extend(id.filter(|_| reached).map(of_entry));
    }
    stored
}

/// The entry that was made.
fn stored_in(answers: &mut Answers, frame: &[&Message]) -> Option<EntryId> {
    for _ in 1..answers_of(frame) {
        let _ = answers.value();
    }
    let id = match answers.value() {
        Ok(Value::BulkString(id)) => id,
        Ok(Value::Array(done)) => match <[Value; 2]>::try_from(done) {
            Ok([Value::BulkString(id), Value::Int(1)]) => id,
            Ok([Value::BulkString(_), Value::Int(_)]) => return None,
            // Somebody has thrown the steps away. It is stored, and counts as one message.
            Ok([Value::BulkString(id), error]) => {
                tracing::warn!(?error, "a frame could not be noted");
                id
            }
            _ => return None,
        },
        _ => return None,
    };
    EntryId::read(&id)
}
