//! What time brings.

use std::cmp::Reverse;

use glmsg_core::{Attempt, AttemptOutcome, Timestamp};

use super::{Hold, Inbox, Moved, Out, Spot, size};
use crate::retry::HELD;
use crate::window::State;

impl Inbox {
    /// When something is to be done without anybody asking.
    pub(crate) fn next_time(&self) -> Option<Timestamp> {
        let due = self.timers.peek().map(|Reverse((due, _))| *due);
        let expected = self.expected.next_time();
        [due, self.lease_end, expected].into_iter().flatten().min()
    }

    /// Lets time have its way: what is due becomes deliverable, and what is out past its lease
    /// comes back. Returns what must move on to another tier.
    pub(crate) fn advance(&mut self, now: Timestamp) -> Vec<Moved> {
        let mut moved = Vec::new();
        self.expected.advance(now);
        while let Some(Reverse((due, spot))) = self.timers.peek().copied() {
            if due > now {
                break;
            }
            self.timers.pop();
            moved.extend(self.come_due(spot, now));
        }
        if self.lease_end.is_some_and(|end| end <= now) {
            self.end_leases(now);
        }
        moved
    }

    /// What waited here for its time, or as long as its tier has.
    fn come_due(&mut self, spot: Spot, now: Timestamp) -> Option<Moved> {
        let assigned = self.parts.get_mut(&spot.0)?;
        // Who has it next moves it: it would be there twice.
        if assigned.is_given_back {
            return None;
        }
        let State::Waiting(entry) = assigned.window.get(spot.1)? else {
            return None;
        };
        match entry.due.filter(|due| *due > now) {
            Some(due) if due.since(now) > HELD => self.move_out(spot),
            Some(due) => {
                self.timers.push(Reverse((due, spot)));
                None
            }
            None => {
                let comes_back = entry.comes_back();
                self.offer(spot, comes_back);
                None
            }
        }
    }

    fn end_leases(&mut self, now: Timestamp) {
        let ended = |out: &Out| out.until().is_some_and(|until| until <= now);
        let mut over: Vec<(u64, Spot)> = Vec::new();
        for (fence, out) in self.out.iter().filter(|(_, out)| ended(out)) {
            over.push((*fence, out.spot));
        }
        over.sort_unstable();
        for (fence, spot) in over {
            if let Some(out) = self.out.get_mut(&fence) {
                out.hold = Hold::Lapsed;
            }
            let outcome = Attempt::new(0, now, AttemptOutcome::LeaseExpired, "");
            self.come_back(spot, Some(outcome), None, true);
        }
        self.lease_end = self.out.values().filter_map(Out::until).min();
    }

    /// A delivery is back without being settled for good.
    pub(super) fn come_back(
        &mut self,
        spot: Spot,
        ended: Option<Attempt>,
        due: Option<Timestamp>,
        counts: bool,
    ) {
        let Some(assigned) = self.parts.get_mut(&spot.0) else {
            return;
        };
        let Some(state) = assigned.window.get(spot.1) else {
            return;
        };
        if !matches!(state, State::Out(..)) {
            return;
        }
        let State::Out(mut entry, fence) = std::mem::replace(state, State::Done) else {
            return;
        };
        entry.lapsed = self.out.contains_key(&fence).then_some(fence);
        if !counts {
            entry.attempts = entry.attempts.saturating_sub(1);
        }
        if let Some(mut attempt) = ended {
            attempt.number = entry.attempts;
            entry.history.push(attempt);
        }
        entry.due = due;
        entry.is_back = true;
        let lane = entry.lane();
        if let Some(due) = due {
            self.waiting.add(spot.0, &mut entry);
            *state = State::Waiting(entry);
            self.timers.push(Reverse((due, spot)));
        } else {
            // Its key, if keys count, is still its own.
            self.waiting.remove(spot.0, &mut entry);
            self.bytes += size(&entry);
            *state = State::Ready(entry);
            self.back[lane].push_back(spot);
        }
        assigned.is_dirty = true;
        self.changes += 1;
    }
}
