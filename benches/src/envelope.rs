//! A message to its envelope and back, hash included, in one thread.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use glmsg::{Message, TopicName, limits, wire};
use sha2::{Digest, Sha256};

use crate::outcome::must_equal;
use crate::{Measured, Outcome, Stopwatch, sample};

/// How many messages are made at a time: few enough to stay in the processor's cache.
const CHUNK: u64 = 1000;

/// Encodes `count` messages, decodes the envelopes and verifies what came out. A message's hash is
/// kept once it is made, so each message is new; building them does not count.
///
/// # Errors
/// If a message differs from what it was.
pub fn round_trip(count: u64) -> Outcome<Measured> {
    let max = limits::max_envelope(sample::PAYLOAD);
    let mut sum = 0;
    let measured = by_chunks(count, |messages| {
        let started = Instant::now();
        for message in messages {
            let envelope = wire::encode(black_box(message));
            let received = wire::decode(&envelope, max)?;
            received.verify()?;
            sum += sample::number(received.payload()).unwrap_or_default();
        }
        Ok(started.elapsed())
    })?;
    must_equal("sum of the numbers", sum, (0..count).sum())?;
    Ok(measured)
}

/// Hashes the same envelopes with SHA-256, twice: once as the sender, once as the receiver.
///
/// # Errors
/// If a hash differs from the other.
pub fn raw_hash(count: u64) -> Outcome<Measured> {
    let mut same = 0;
    let measured = by_chunks(count, |messages| {
        let envelopes: Vec<Bytes> = messages.iter().map(wire::encode).collect();
        let started = Instant::now();
        for envelope in &envelopes {
            let sent = Sha256::digest(black_box(envelope));
            let received = Sha256::digest(black_box(envelope));
            same += u64::from(sent == received);
        }
        Ok(started.elapsed())
    })?;
    must_equal("equal hashes", same, count)?;
    Ok(measured)
}

/// Adds up what `run` took for each chunk of new messages.
fn by_chunks(
    count: u64,
    mut run: impl FnMut(&[Message]) -> Outcome<Duration>,
) -> Outcome<Measured> {
    let topic = TopicName::new(sample::TOPIC)?;
    let watch = Stopwatch::start();
    let mut took = Duration::ZERO;
    let mut next = 0;
    while next < count {
        let end = count.min(next + CHUNK);
        took += run(&sample::messages(&topic, next..end)?)?;
        next = end;
    }
    Ok(Measured {
        took,
        // That of the whole loop would count the building, too.
        cpu: None,
        ..watch.stop(count)
    })
}
