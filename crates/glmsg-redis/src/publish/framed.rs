//! Storing frames: as plain commands, but one step for each frame.

use std::io::Write;
use std::time::Duration;

use glmsg_core::{Message, Result};
use redis::Value;

use super::plain::{Plain, put, tail};
use super::published;
use crate::broker::Shared;
use crate::connection::{Answers, Borrowed, Head};
use crate::frame;
use crate::known::Known;

/// Room for what stands before a frame in a request, whose length is known when the frame is made.
const ROOM: usize = 2048;

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
        let (mut request, mut head) = (Vec::new(), Vec::new());
        for frame in frames {
            if let [message] = frame
                && message.ttl().is_none()
            {
                request.clear();
                put(&mut request, known, message);
                borrowed.write(&request).await?;
                continue;
            }
            request.clear();
            request.resize(ROOM, 0);
            frame::put(&mut request, frame);
            let len = request.len() - ROOM;
            let count = frame.len().to_string();
            let _ = write!(request, "\r\n${}\r\n{count}\r\n", count.len());
            head.clear();
            self.scripts.frame.put_head(&mut head, &known.keys.framed());
            let _ = write!(head, "${len}\r\n");
            let from = ROOM.saturating_sub(head.len());
            if from == 0 {
                borrowed.write(&head).await?;
                borrowed.write(&request[ROOM..]).await?;
                continue;
            }
            request[from..ROOM].copy_from_slice(&head);
            borrowed.write(&request[from..]).await?;
        }
        request.clear();
        tail(&mut request, &seal.tail);
        if !request.is_empty() {
            borrowed.write(&request).await?;
        }
        let answers = borrowed.answers(frames.len(), Duration::ZERO).await?;
        let sealed = borrowed.answers(seal.tail.len(), seal.blocks.unwrap_or_default());
        let sealed = sealed.await?.values()?;
        Ok((answers, seal.is_reached(&sealed)))
    }
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
        let is_stored = matches!(answers.peek(), Some(Head::Text { .. } | Head::Number(1)));
        let answer = answers.value();
        if !is_stored {
            // The topic is gone, or has no frames any more, or the server refuses: the step finds
            // out what is to be done.
            tracing::debug!(?answer, "a plain publish was refused");
            known.room.forget();
            borrowed.doubt();
        }
        for outcome in outcomes.by_ref().take(frame.len()) {
            if is_stored {
                *outcome = published(Value::Int(0), &known.topic, false, reached).ok();
            }
        }
    }
}
