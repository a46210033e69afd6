//! Storing frames: by plain commands, and a step for each that notes how many messages it holds.

use std::io::Write;
use std::time::Duration;

use glmsg_broker::Published;
use glmsg_core::{Message, Result};
use redis::Value;

use super::plain::{Plain, put, tail};
use super::published;
use crate::broker::Shared;
use crate::connection::{Answers, Borrowed};
use crate::frame;
use crate::known::Known;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
/// Room for the length of a frame and the end of its line.
const DIGITS: usize = 12;

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
        known: &Known,
        frames: &[&[&Message]],
        plain: &mut Plain,
    ) {
        match self.exchange_frames(borrowed, known, frames).await {
            Ok((answers, reached)) => read(borrowed, known, frames, answers, reached, plain),
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
    ) -> Result<(Answers, bool)> {
        let seal = borrowed.seal();
        let mut request = Vec::new();
        let mut expected = 0;
        for frame in frames {
            let from = if is_single(frame) {
                request.clear();
                put(&mut request, known, frame[0]);
                0
            } else {
                self.put_frame(&mut request, known, frame)
            };
            expected += answers_of(frame);
            borrowed.write(&request[from..]).await?;
        }
        request.clear();
        tail(&mut request, &seal.tail);
        if !request.is_empty() {
            borrowed.write(&request).await?;
        }
        let answers = borrowed.answers(expected, Duration::ZERO).await?;
        let sealed = borrowed.answers(seal.tail.len(), seal.blocks.unwrap_or_default());
        let sealed = sealed.await?.values()?;
        Ok((answers, seal.is_reached(&sealed)))
    }

    /// Makes the transaction that stores a frame. Returns where it begins.
    fn put_frame(&self, request: &mut Vec<u8>, known: &Known, frame: &[&Message]) -> usize {
        request.clear();
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
        request.extend_from_slice(b"\r\n");
        let keys = known.keys.framed();
        self.scripts.note.put_note(request, &keys, frame.len());
        request.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
        from
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

fn read(
    borrowed: &Borrowed<'_>,
    known: &Known,
    frames: &[&[&Message]],
    mut answers: Answers,
    reached: bool,
    plain: &mut Plain,
) {
    let mut outcomes = plain.outcomes.iter_mut();
    for frame in frames {
        let is_stored = is_stored(&mut answers, frame);
        if !is_stored {
            // The topic is gone, or has no frames any more, or the server refuses: the step finds
            // out what is to be done.
            tracing::debug!("a plain publish was refused");
            known.room.forget();
            borrowed.doubt();
        }
        for outcome in outcomes.by_ref().take(frame.len()) {
            if is_stored && reached {
                *outcome = Some(Published::Stored);
            } else if is_stored {
                *outcome = published(Value::Int(0), &known.topic, false, reached).ok();
            }
        }
    }
}

fn is_stored(answers: &mut Answers, frame: &[&Message]) -> bool {
    for _ in 1..answers_of(frame) {
        let _ = answers.value();
    }
    match answers.value() {
        Ok(Value::BulkString(_)) => true,
        Ok(Value::Array(done)) => match &done[..] {
            [Value::BulkString(_), Value::Int(noted)] => *noted == 1,
            // Somebody has thrown the steps away. It is stored, and counts as one message.
            [Value::BulkString(_), error] => {
                tracing::warn!(?error, "a frame could not be noted");
                true
            }
            _ => false,
        },
        _ => false,
    }
}
