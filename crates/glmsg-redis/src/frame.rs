//! Frames: several messages in one entry of a stream.

use std::time::Duration;

use glmsg_broker::Frames;

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
