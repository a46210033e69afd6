//! The frames that are out.

use glmsg_broker::Token;
use tokio::time::Instant;

use super::{Deliveries, Held};
use crate::place::EntryId;

/// Which message of which frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// The frame, by a number that is given anew when it is done.
    pub(crate) frame: u32,
    pub(crate) index: u16,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    /// All its messages.
    size: u16,
    /// Deliveries that are not settled.
    left: u16,
    /// The server has been told of some that are finished.
    is_begun: bool,
    until: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Frames {
    frames: Vec<Option<Frame>>,
    unused: Vec<u32>,
}

impl Frames {
    fn add(&mut self, frame: Frame) -> u32 {
        if let Some(number) = self.unused.pop() {
            self.frames[number as usize] = Some(frame);
            return number;
        }
        self.frames.push(Some(frame));
        u32::try_from(self.frames.len() - 1).unwrap_or(u32::MAX)
    }

    fn get(&mut self, part: Part) -> Option<&mut Frame> {
        self.frames.get_mut(part.frame as usize)?.as_mut()
    }

    pub(super) fn until(&mut self, part: Part) -> Instant {
        self.get(part)
            .map_or_else(Instant::now, |frame| frame.until)
    }

    pub(super) fn extend(&mut self, part: Part, until: Instant) {
        if let Some(frame) = self.get(part) {
            frame.until = until;
        }
    }

    pub(super) fn leave(&mut self, part: Part) {
        let Some(frame) = self.get(part) else { return };
        frame.left -= 1;
        if frame.left == 0 {
            self.frames[part.frame as usize] = None;
            self.unused.push(part.frame);
        }
    }
}

impl Deliveries {
    /// Notes a frame whose messages of these numbers are out, and makes their tokens.
    pub(crate) fn add_frame(
        &mut self,
        (id, size): (EntryId, u16),
        until: Instant,
        indices: &[u16],
    ) -> Vec<Token> {
        let is_begun = indices.len() < usize::from(size);
        let frame = self.frames.add(Frame {
            size,
            left: u16::try_from(indices.len()).unwrap_or(u16::MAX),
            is_begun,
            until,
        });
        let held = |index| Held {
            is_noted: false,
            lane: 1,
            id,
            attempt: 1,
            until,
            is_leaving: false,
            part: Some(Part { frame, index }),
        };
        indices.iter().map(|index| self.add(held(*index))).collect()
    }

    /// Whether so many deliveries are all that is left of a frame, so that it goes as a whole.
    pub(crate) fn is_rest(&mut self, part: Part, count: usize) -> bool {
        let frame = self.frames.get(part);
        frame.is_some_and(|frame| usize::from(frame.left) == count)
    }

    /// How many messages a frame holds.
    pub(crate) fn size_of(&mut self, part: Part) -> u16 {
        self.frames.get(part).map_or(0, |frame| frame.size)
    }

    /// Whether the server knows of a part of a frame that is finished.
    pub(crate) fn is_begun(&mut self, part: Part) -> bool {
        self.frames.get(part).is_some_and(|frame| frame.is_begun)
    }

    /// The server is about to be told that a part of a frame is finished.
    pub(crate) fn begin_frame(&mut self, part: Part) {
        if let Some(frame) = self.frames.get(part) {
            frame.is_begun = true;
        }
    }

    /// Those before this one have been handed out; all, if there is none.
    pub(crate) fn hand_out(&mut self, next: Option<Token>) {
        self.kept_from = next.map_or(self.held.next(), Token::fence);
    }

    /// One delivery of each frame of which some have not been handed out.
    pub(crate) fn kept_frames(&self) -> Vec<Token> {
        let mut found: Vec<(u32, Token)> = Vec::new();
        for (number, held) in self.held.latest_from(self.kept_from) {
            let Some(part) = held.part else { continue };
            if found.last().is_none_or(|(frame, _)| *frame != part.frame) {
                let token = Token::new(held.id.millis, held.id.number, number);
                found.push((part.frame, token));
            }
        }
        found.into_iter().map(|(_, token)| token).collect()
    }
}
