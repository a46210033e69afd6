//! Frames: several messages in one entry of a stream.
//!
//! A frame is `8F 47 46` (`8F`, then `GF`), the version `01`, how many messages it holds, where each
//! ends, counted from the first envelope on, and the envelopes. Numbers are of four bytes, the
//! highest first.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::Frames;
use glmsg_core::{Message, Priority, Schedule, wire};

const HEAD: [u8; 4] = *b"\x8fGF\x01";
/// The most messages that a reader takes a frame for.
const MOST: usize = 1000;
/// Beyond so many bytes nothing more goes into a frame: the server has other things to do, too.
const MOST_BYTES: usize = 256 << 10;

/// The option as a topic keeps it: the most messages, and the longest delay in microseconds.
pub(crate) fn text_of(frames: &Frames) -> String {
    format!("{} {}", frames.max_messages, frames.max_delay.as_micros())
}

/// Reads what [`text_of`] wrote.
pub(crate) fn parse(text: &str) -> Option<Frames> {
    let (most, delay) = text.split_once(' ')?;
    let delay = Duration::from_micros(delay.parse().ok()?);
    let frames = Frames::default().max_messages(most.parse().ok()?);
    Some(frames.max_delay(delay))
}

/// How a topic packs its messages, as far as this process knows.
#[derive(Debug, Default)]
pub(crate) struct Packing {
    most: AtomicU32,
    micros: AtomicU32,
}

impl Packing {
    /// The most messages of a frame, and how long one may wait for others.
    pub(crate) fn set(&self, most: u32, micros: u32) {
        self.most.store(most, Ordering::Relaxed);
        self.micros.store(micros, Ordering::Relaxed);
    }

    /// The most messages of a frame; 1 where there are none.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed).max(1) as usize
    }

    /// How long a message may wait for others.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed).into())
    }
}

/// Whether a message may stand in a frame, where all have one priority and one time.
pub(crate) fn takes(message: &Message) -> bool {
    message.priority() == Priority::Normal && message.schedule() == Schedule::Now
}

/// How many of the first messages share a frame.
pub(crate) fn first(messages: &[&Message], most: usize) -> usize {
    let mut bytes = 0;
    let fits = |message: &&&Message| {
        bytes += message.payload().len() + 256;
        bytes <= MOST_BYTES
    };
    let fitting = messages.iter().take(most.min(MOST)).take_while(fits);
    fitting.count().max(1).min(messages.len())
}

/// Appends a frame of these messages.
pub(crate) fn put(out: &mut Vec<u8>, messages: &[&Message]) {
    let four = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(&HEAD);
    out.extend_from_slice(&four(messages.len()));
    let ends = out.len();
    out.resize(ends + 4 * messages.len(), 0);
    let begin = out.len();
    let about = messages.iter().map(|message| message.payload().len() + 160);
    // And room for what follows, so that the frame is not moved for it.
    out.reserve(about.sum::<usize>() + 512);
    for (n, message) in messages.iter().enumerate() {
        wire::encode_into(message, out);
        let end = four(out.len() - begin);
        out[ends + 4 * n..ends + 4 * n + 4].copy_from_slice(&end);
    }
}

/// How many messages a frame says that it holds.
pub(crate) fn count(bytes: &[u8]) -> usize {
    let count = bytes.get(4..8).and_then(|four| four.try_into().ok());
    count
        .map_or(1, |four| u32::from_be_bytes(four) as usize)
        .clamp(1, MOST)
}

/// The envelopes of a frame; `None` if these bytes are none.
pub(crate) fn open(bytes: &Bytes) -> Option<impl ExactSizeIterator<Item = Bytes> + use<>> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let count = u32::from_be_bytes(*count) as usize;
    if *head != HEAD || count == 0 || count > MOST || rest.len() < 4 * count {
        return None;
    }
    let (table, envelopes) = rest.split_at(4 * count);
    let mut ends = Vec::with_capacity(count);
    for end in table.as_chunks::<4>().0 {
        let end = u32::from_be_bytes(*end) as usize;
        if ends.last().is_some_and(|before| end < *before) {
            return None;
        }
        ends.push(end);
    }
    if ends.last() != Some(&envelopes.len()) {
        return None;
    }
    let envelopes = bytes.slice(8 + 4 * count..);
    let mut from = 0;
    Some(ends.into_iter().map(move |end| {
        let envelope = envelopes.slice(from..end);
        from = end;
        envelope
    }))
}

/// Which messages of a frame, as bits: the first is the lowest bit of the first byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks(Vec<u8>);

impl Marks {
    pub(crate) fn set(&mut self, index: u16) {
        let at = usize::from(index / 8);
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (index % 8);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Whether one is marked in bits as the server has them.
    pub(crate) fn is_set(bits: &[u8], index: usize) -> bool {
        bits.get(index / 8)
            .is_some_and(|octet| octet >> (index % 8) & 1 == 1)
    }
}

#[cfg(test)]
mod tests;
