//! What a source and its settlers know of the deliveries that are out.

mod framed;

use std::collections::VecDeque;
use std::time::Duration;

use glmsg_broker::Token;
use tokio::time::Instant;

use self::framed::Frames;
use crate::keys::ORPHANS;
use crate::place::EntryId;

pub(crate) use self::framed::Part;

/// A delivery that is out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) lane: u8,
    pub(crate) id: EntryId,
    pub(crate) attempt: u32,
    /// Until when nobody else can have received it.
    pub(crate) until: Instant,
    /// It is being settled: whoever asks again comes too late.
    pub(crate) is_leaving: bool,
    /// Of which frame it is a part.
    pub(crate) part: Option<Part>,
}

/// The deliveries of one source that are out, by the number that their tokens carry.
#[derive(Debug)]
pub(crate) struct Deliveries {
    /// The number of the first.
    first: u64,
    held: VecDeque<Option<Held>>,
    /// Those from this number on have not been handed out.
    kept_from: u64,
    frames: Frames,
}

impl Deliveries {
    /// Numbers begin at `first`.
    pub(crate) fn new(first: u64) -> Self {
        Self {
            first,
            held: VecDeque::new(),
            kept_from: first,
            frames: Frames::default(),
        }
    }

    /// Notes a delivery and makes its token.
    pub(crate) fn add(&mut self, held: Held) -> Token {
        let number = self.first + self.held.len() as u64;
        self.held.push_back(Some(held));
        Token::new(held.id.millis, held.id.number, number)
    }

    fn slot(&mut self, token: Token) -> Option<&mut Option<Held>> {
        let at = token.fence().checked_sub(self.first)?;
        self.held.get_mut(usize::try_from(at).ok()?)
    }

    /// Whether an entry is out.
    pub(crate) fn holds(&self, lane: u8, id: EntryId) -> bool {
        let mut held = self.held.iter().flatten();
        held.any(|held| held.lane == lane && held.id == id)
    }

    /// A delivery that is not being settled, for what leaves it where it is.
    pub(crate) fn look_at(&mut self, token: Token) -> Option<Held> {
        let held = (*self.slot(token)?)?;
        (!held.is_leaving).then_some(held)
    }

    /// Begins to settle a delivery; `None` if that was done before.
    pub(crate) fn begin(&mut self, token: Token) -> Option<Held> {
        let held = self.slot(token)?.as_mut()?;
        let mut found = *held;
        held.is_leaving = true;
        if let Some(part) = found.part {
            found.until = self.frames.until(part);
        }
        (!found.is_leaving).then_some(found)
    }

    /// Whether somebody is settling a delivery.
    pub(crate) fn is_leaving(&mut self, token: Token) -> bool {
        matches!(self.slot(token), Some(Some(held)) if held.is_leaving)
    }

    /// Settling did not come to an end, or left the delivery where it was.
    pub(crate) fn resume(&mut self, token: Token) {
        if let Some(Some(held)) = self.slot(token) {
            held.is_leaving = false;
        }
    }

    /// Takes a settled delivery out.
    pub(crate) fn settle(&mut self, token: Token) {
        if let Some(slot) = self.slot(token)
            && let Some(Held {
                part: Some(part), ..
            }) = slot.take()
        {
            self.frames.leave(part);
        }
        while let Some(None) = self.held.front() {
            self.held.pop_front();
            self.first += 1;
        }
    }

    /// Notes that a lease runs on.
    pub(crate) fn extend(&mut self, token: Token, until: Instant) {
        if let Some(Some(held)) = self.slot(token) {
            held.until = until;
            if let Some(part) = held.part {
                self.frames.extend(part, until);
            }
        }
    }
}

impl Held {
    /// Whether an ack needs no look at who holds it: nobody else can, and nothing else is kept of
    /// it.
    pub(crate) fn is_plain(&self, now: Instant) -> bool {
        const MARGIN: Duration = Duration::from_millis(20);
        self.attempt == 1 && self.lane < ORPHANS && now + MARGIN < self.until
    }
}
