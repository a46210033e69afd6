//! What a source and its settlers know of the deliveries that are out.

mod framed;
mod numbered;

use std::time::Duration;

use glmsg_broker::Token;
use tokio::time::Instant;

use self::framed::Frames;
use self::numbered::Numbered;
use crate::keys::ORPHANS;
use crate::place::EntryId;
use crate::reading::Raw;

pub(crate) use self::framed::Part;

/// A delivery that is out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) lane: u8,
    pub(crate) id: EntryId,
    pub(crate) attempt: u32,
    /// More is kept of it than who holds it: an ack must look after that, too.
    pub(crate) is_noted: bool,
    /// Until when nobody else can have received it.
    pub(crate) until: Instant,
    /// It is being settled: whoever asks again comes too late.
    pub(crate) is_leaving: bool,
    /// Of which frame it is a part.
    pub(crate) part: Option<Part>,
}

/// The most that are out without being looked through for what is over.
const MANY: usize = 10_000;
/// How long after its lease a delivery is given up then: somebody else has had it.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// The deliveries of one source that are out, by the number that their tokens carry.
#[derive(Debug)]
pub(crate) struct Deliveries {
    held: Numbered,
    /// At how many that are out they are looked through.
    look_through_at: usize,
    /// Those from this number on have not been handed out.
    kept_from: u64,
    frames: Frames,
}

impl Deliveries {
    /// Numbers begin at `first`.
    pub(crate) fn new(first: u64) -> Self {
        Self {
            held: Numbered::new(first),
            look_through_at: MANY,
            kept_from: first,
            frames: Frames::default(),
        }
    }

    /// Notes a delivery and makes its token.
    pub(crate) fn add(&mut self, held: Held) -> Token {
        if self.held.count() > self.look_through_at {
            self.give_up_old();
        }
        let number = self.held.add(held);
        Token::new(held.id.millis, held.id.number, number)
    }

    fn get(&mut self, token: Token) -> Option<&mut Held> {
        self.held.get(token.fence())
    }

    /// Whether an entry of these lanes is out.
    pub(crate) fn holds(&self, is_there: impl Fn(u8) -> bool, id: EntryId) -> bool {
        let mut held = self.held.all();
        held.any(|held| is_there(held.lane) && held.id == id)
    }

    /// A delivery that is not being settled, for what leaves it where it is.
    pub(crate) fn look_at(&mut self, token: Token) -> Option<Held> {
        let held = *self.get(token)?;
        (!held.is_leaving).then_some(held)
    }

    /// Begins to settle a delivery; `None` if that was done before.
    pub(crate) fn begin(&mut self, token: Token) -> Option<Held> {
        let held = self.get(token)?;
        let mut found = *held;
        held.is_leaving = true;
        if let Some(part) = found.part {
            found.until = self.frames.until(part);
        }
        (!found.is_leaving).then_some(found)
    }

    /// Whether somebody is settling a delivery.
    pub(crate) fn is_leaving(&mut self, token: Token) -> bool {
        self.get(token).is_some_and(|held| held.is_leaving)
    }

    /// Settling did not come to an end, or left the delivery where it was.
    pub(crate) fn resume(&mut self, token: Token) {
        if let Some(held) = self.get(token) {
            held.is_leaving = false;
        }
    }

    /// Takes a settled delivery out.
    pub(crate) fn settle(&mut self, token: Token) {
        let held = self.held.take(token.fence());
        if let Some(part) = held.and_then(|held| held.part) {
            self.frames.leave(part);
        }
    }

    /// Forgets what was dropped unsettled and has come again elsewhere since.
    fn give_up_old(&mut self) {
        let (now, frames) = (Instant::now(), &mut self.frames);
        self.held.retain(|held| {
            let until = held.part.map_or(held.until, |part| frames.until(part));
            let keep = held.is_leaving || now < until + GIVEN_UP;
            if let (false, Some(part)) = (keep, held.part) {
                frames.leave(part);
            }
            keep
        });
        self.look_through_at = MANY.max(2 * self.held.count());
    }

    /// Notes that a lease runs on.
    pub(crate) fn extend(&mut self, token: Token, until: Instant) {
        if let Some(held) = self.get(token) {
            held.until = until;
            if let Some(part) = held.part {
                self.frames.extend(part, until);
            }
        }
    }
}

impl Held {
    /// A whole entry, as the server handed it out.
    pub(crate) fn entry(raw: &Raw, until: Instant) -> Self {
        Self {
            lane: raw.lane,
            id: raw.id,
            attempt: raw.attempt,
            is_noted: raw.is_noted,
            until,
            is_leaving: false,
            part: None,
        }
    }

    /// Whether an ack needs no look at who holds it: nobody else can, and nothing else is kept of
    /// it.
    pub(crate) fn is_plain(&self, now: Instant) -> bool {
        // It may wait for its turn, and for a machine that is busy: where the answer comes after the end of the
        // lease, nobody knows who had the message by then.
        const MARGIN: Duration = Duration::from_millis(200);
        let is_first = self.attempt == 1 && !self.is_noted;
        is_first && self.lane < ORPHANS && now + MARGIN < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(number: u64) -> Held {
        Held {
            lane: 1,
            id: EntryId {
                millis: number,
                number: 0,
            },
            attempt: 1,
            is_noted: false,
            until: Instant::now() + Duration::from_secs(30),
            is_leaving: false,
            part: None,
        }
    }

    #[test]
    fn a_delivery_that_stays_out_holds_up_no_memory() {
        let mut deliveries = Deliveries::new(1 << 20);
        let slow = deliveries.add(held(0));
        let also = deliveries.add(held(1));
        for number in 2..200_000 {
            let token = deliveries.add(held(number));
            deliveries.settle(token);
        }
        assert!(
            deliveries.held.room() < 10_000,
            "{}",
            deliveries.held.room()
        );
        let id = |held: Option<Held>| held.map(|held| held.id.millis);
        assert_eq!(id(deliveries.look_at(slow)), Some(0));
        assert!(deliveries.holds(
            |lane| lane == 1,
            EntryId {
                millis: 1,
                number: 0
            }
        ));
        assert_eq!(id(deliveries.begin(also)), Some(1));
        assert!(deliveries.begin(also).is_none() && deliveries.is_leaving(also));
        deliveries.resume(also);
        deliveries.settle(also);
        assert!(deliveries.look_at(also).is_none());
        let next = deliveries.add(held(7));
        assert_eq!(id(deliveries.begin(next)), Some(7));
    }
    #[tokio::test(start_paused = true)]
    async fn what_was_dropped_unsettled_is_given_up_in_the_end() {
        let mut deliveries = Deliveries::new(0);
        let kept = deliveries.add(held(0));
        for number in 1..100_000 {
            // One of four is dropped by whoever had it, and never heard of again.
            let token = deliveries.add(held(number));
            if number % 4 > 0 {
                deliveries.settle(token);
            }
            tokio::time::advance(Duration::from_millis(10)).await;
            deliveries.extend(kept, Instant::now() + Duration::from_secs(30));
        }
        let room = deliveries.held.room();
        assert!(room < 5 * MANY, "{room}");
        assert!(deliveries.look_at(kept).is_some());
    }
}
