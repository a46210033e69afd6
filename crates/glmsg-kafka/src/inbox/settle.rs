//! Taking back.

use std::cmp::Reverse;
use std::time::Duration;

use glmsg_broker::{Nack, Requeue, Settled, Token};
use glmsg_core::{Attempt, DeadLetterReason, Timestamp};

use super::{Hold, Inbox, Out, Spot};
use crate::entry::Entry;
use crate::reader::Boxes;
use crate::window::State;
use glmsg_broker::Ordering;

/// A message that is on its way elsewhere. It is done with here when it has arrived there.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) spot: Spot,
    pub(crate) fence: u64,
    pub(crate) entry: Box<Entry>,
}

/// What a settlement asks for that is not done here.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is settled.
    Settled(Settled),
    /// It is to wait elsewhere until then.
    Retry(Moved, Timestamp),
    /// It is to become a dead letter.
    Bury(Moved, DeadLetterReason, Box<str>),
}

impl Inbox {
    /// Where a delivery is, if it is still the holder's. What is done in a partition that is given back is
    /// committed by nobody: who has it next handles the message again.
    fn current(&self, token: Token) -> Option<Spot> {
        let out = self.out.get(&token.fence())?;
        if self.parts.get(&out.spot.0)?.is_given_back {
            return None;
        }
        let is_it = out.spot == (token.sub(), i64::try_from(token.place()).ok()?);
        (is_it && out.hold != Hold::Moving).then_some(out.spot)
    }

    /// Whether the lease of a delivery has run out, so that it may be somebody else's.
    pub(crate) fn is_late(&self, token: Token, now: Timestamp) -> bool {
        let out = self.out.get(&token.fence());
        out.is_some_and(|out| match out.hold {
            Hold::Leased(until) => until <= now,
            Hold::Lapsed => true,
            Hold::Moving => false,
        })
    }

    /// Takes a message back as done; what was kept of it is `spent`.
    pub(crate) fn ack(&mut self, token: Token, spent: &mut Boxes) -> Settled {
        match self.current(token) {
            Some(spot) => {
                spent.extend(self.finish(spot));
                Settled::Acked
            }
            None => Settled::Stale,
        }
    }

    pub(crate) fn release(&mut self, token: Token) -> Settled {
        match self.current(token) {
            Some(spot) => {
                self.reclaim(token);
                self.out.remove(&token.fence());
                self.come_back(spot, None, None, false);
                Settled::Released
            }
            None => Settled::Stale,
        }
    }

    pub(crate) fn extend(&mut self, token: Token, lease: Duration, now: Timestamp) -> Settled {
        if self.current(token).is_none() {
            return Settled::Stale;
        }
        let until = now.after(lease);
        self.reclaim(token);
        if let Some(out) = self.out.get_mut(&token.fence()) {
            out.hold = Hold::Leased(until);
        }
        // A lease may have been made shorter.
        self.lease_end = Some(self.lease_end.map_or(until, |end| end.min(until)));
        Settled::Extended(until)
    }

    pub(crate) fn nack(&mut self, nack: &Nack, now: Timestamp) -> Verdict {
        let Some(spot) = self.current(nack.token) else {
            return Verdict::Settled(Settled::Stale);
        };
        self.reclaim(nack.token);
        let Some(State::Out(entry, _)) = self
            .parts
            .get_mut(&spot.0)
            .and_then(|p| p.window.get(spot.1))
        else {
            return Verdict::Settled(Settled::Stale);
        };
        let ended = Attempt::new(entry.attempts, now, nack.outcome, &nack.error);
        let is_last = entry
            .message()
            .is_none_or(|message| entry.attempts >= message.max_attempts());
        let (delay, reason) = match nack.requeue {
            Requeue::After(delay) if !is_last => (delay, None),
            Requeue::After(_) => (Duration::ZERO, Some(DeadLetterReason::MaxRetries)),
            Requeue::Never => (Duration::ZERO, Some(nack.reason)),
        };
        if let Some(reason) = reason {
            entry.history.push(ended);
            let Some(moved) = self.move_out(spot) else {
                return Verdict::Settled(Settled::Stale);
            };
            return Verdict::Bury(moved, reason, nack.error.clone());
        }
        let due = now.after(delay);
        // A key's next must wait, too, so it stays here; and so does what is due now.
        if delay.is_zero() || self.ordering == Ordering::PerKey {
            self.out.remove(&nack.token.fence());
            let later = (!delay.is_zero()).then_some(due);
            self.come_back(spot, Some(ended), later, true);
            return Verdict::Settled(Settled::Retried(due));
        }
        entry.history.push(ended);
        entry.due = Some(due);
        match self.move_out(spot) {
            Some(moved) => Verdict::Retry(moved, due),
            None => Verdict::Settled(Settled::Stale),
        }
    }

    /// What is to become a dead letter though it was not delivered.
    pub(crate) fn condemn(&mut self, token: Token) -> Option<Moved> {
        let spot = self.current(token)?;
        self.reclaim(token);
        self.move_out(spot)
    }

    /// Takes a message back to its holder, whose lease has run out and who was first.
    fn reclaim(&mut self, token: Token) {
        let Some(out) = self.out.get(&token.fence()) else {
            return;
        };
        let (spot, hold) = (out.spot, out.hold);
        if hold != Hold::Lapsed {
            return;
        }
        let state = self
            .parts
            .get_mut(&spot.0)
            .and_then(|p| p.window.get(spot.1));
        if let Some(state @ State::Ready(_)) = state
            && let State::Ready(mut entry) = std::mem::replace(state, State::Done)
        {
            self.bytes -= super::size(&entry);
            entry.lapsed = None;
            *state = State::Out(entry, token.fence());
        }
    }

    /// It goes elsewhere: nobody can settle it meanwhile, and its lease does not run out.
    pub(super) fn move_out(&mut self, spot: Spot) -> Option<Moved> {
        let assigned = self.parts.get_mut(&spot.0)?;
        let origin = format!("{}/{}/{}", assigned.topic, assigned.partition, spot.1);
        let state = assigned.window.get(spot.1)?;
        let (mut entry, fence) = match std::mem::replace(state, State::Done) {
            State::Out(entry, fence) => (entry, fence),
            State::Waiting(entry) => {
                let fence = self.next_fence;
                self.next_fence += 1;
                (entry, fence)
            }
            other => {
                *state = other;
                return None;
            }
        };
        entry.origin.get_or_insert_with(|| origin.into());
        *state = State::Out(entry.clone(), fence);
        let hold = Hold::Moving;
        self.out.insert(fence, Out { spot, hold });
        Some(Moved { spot, fence, entry })
    }

    /// It has arrived elsewhere.
    pub(crate) fn moved(&mut self, moved: &Moved) {
        if self.out.contains_key(&moved.fence) {
            self.finish(moved.spot);
        }
    }

    /// It could not be moved to wait elsewhere: it waits here until it is due, and is tried again then. Tells
    /// whether it is still here.
    pub(crate) fn stays(&mut self, moved: &Moved, again: Timestamp) -> bool {
        if self.out.remove(&moved.fence).is_none() {
            return false;
        }
        let spot = moved.spot;
        let Some(assigned) = self.parts.get_mut(&spot.0) else {
            return false;
        };
        let Some(state) = assigned.window.get(spot.1) else {
            return false;
        };
        let mut entry = match std::mem::replace(state, State::Done) {
            State::Out(entry, fence) if fence == moved.fence => entry,
            other => {
                *state = other;
                return false;
            }
        };
        let at = entry.due.map_or(again, |due| due.min(again));
        self.waiting.add(spot.0, &mut entry);
        *state = State::Waiting(entry);
        self.timers.push(Reverse((at, spot)));
        assigned.is_dirty = true;
        self.changes += 1;
        true
    }

    /// It could not be moved for good: it is out as before, and comes back soon.
    pub(crate) fn not_moved(&mut self, moved: &Moved, until: Timestamp) {
        if let Some(out) = self.out.get_mut(&moved.fence) {
            out.hold = Hold::Leased(until);
            self.lease_end = Some(self.lease_end.map_or(until, |end| end.min(until)));
        }
    }
}
