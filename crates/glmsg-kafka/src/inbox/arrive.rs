//! What comes from a partition.

use std::cmp::Reverse;
use std::time::Duration;

use glmsg_broker::Ordering;
use glmsg_core::{Attempt, AttemptOutcome, Timestamp};
use rustc_hash::FxHashMap;

use super::{Assigned, CAREFUL, Inbox, Role, Spot, size};
use crate::entry::Entry;
use crate::marks::Mark;
use crate::retry::HELD;
use crate::window::State;

impl Inbox {
    /// A message has come. It is dropped if it is done, or has come before.
    pub(crate) fn come(&mut self, part: u64, offset: i64, mut entry: Box<Entry>, now: Timestamp) {
        let Some(assigned) = self.parts.get_mut(&part) else {
            return;
        };
        self.expected
            .come(&assigned.topic, assigned.partition, offset);
        if !assigned.window.is_known() {
            let most = offset.saturating_add(CAREFUL);
            assigned.careful_until = assigned.careful_until.min(most);
            assigned.committed = offset;
        }
        let Some(mark) = assigned.window.meet(offset) else {
            return;
        };
        let times = match mark {
            Mark::Done => {
                assigned.window.push(offset, State::Done);
                assigned.is_dirty = true;
                return;
            }
            Mark::Delivered(times) | Mark::Waiting(times) => times,
        };
        for _ in 0..times {
            // It was delivered to somebody who did not come to say how it went.
            entry.attempts += 1;
            let (number, outcome) = (entry.attempts, AttemptOutcome::LeaseExpired);
            entry.history.push(Attempt::new(number, now, outcome, ""));
        }
        let due = match assigned.role {
            Role::Retry(tier) => entry
                .due
                .map(|due| crate::retry::leaves(tier, entry.arrived_at, due)),
            // It stands among others that are due sooner: it goes to where it is in nobody's way.
            Role::Later => entry.due.map(|due| match due.since(now) > HELD {
                true => now.after(Duration::from_micros(1)),
                false => due,
            }),
            Role::Lane => entry.due,
        };
        let spot = (part, offset);
        match due.filter(|due| *due > now) {
            Some(due) => {
                self.waiting.add(part, &mut entry);
                assigned.window.push(offset, State::Waiting(entry));
                self.timers.push(Reverse((due, spot)));
            }
            // It has no turn to wait for.
            None if self.ordering == Ordering::None => {
                self.bytes += size(&entry);
                let (lane, comes_back) = (entry.lane(), entry.comes_back());
                assigned.window.push(offset, State::Ready(entry));
                self.line_up(spot, lane, comes_back);
            }
            None => {
                let was_delivered = entry.comes_back();
                assigned.window.push(offset, State::Waiting(entry));
                self.offer(spot, was_delivered);
            }
        }
    }

    /// Makes a message that waits deliverable, unless its key has another before it.
    pub(super) fn offer(&mut self, spot: Spot, comes_back: bool) {
        let Some(state) = self
            .parts
            .get_mut(&spot.0)
            .and_then(|p| p.window.get(spot.1))
        else {
            return;
        };
        let State::Waiting(entry) = state else { return };
        let lane = entry.lane();
        if self.ordering == Ordering::PerKey
            && let Some(key) = entry.key()
        {
            // One that was redriven goes before those that came after it.
            let goes_first = comes_back && entry.attempts == 0;
            let key = key.to_owned();
            if goes_first && let Some(head) = self.keys.head(lane, &key) {
                self.put_back(head);
            }
            let has_turn = match goes_first {
                true => self
                    .keys
                    .takes_first(lane, &key, spot, |head| is_out(&self.parts, head)),
                false => self.keys.takes(lane, &key, spot),
            };
            if !has_turn {
                self.wait(spot);
                return;
            }
        }
        let Some(state) = self
            .parts
            .get_mut(&spot.0)
            .and_then(|p| p.window.get(spot.1))
        else {
            return;
        };
        let State::Waiting(mut entry) = std::mem::replace(state, State::Done) else {
            return;
        };
        self.waiting.remove(spot.0, &mut entry);
        self.bytes += size(&entry);
        *state = State::Ready(entry);
        self.line_up(spot, lane, comes_back);
    }

    fn line_up(&mut self, spot: Spot, lane: usize, comes_back: bool) {
        let lines = match comes_back {
            true => &mut self.back,
            false => &mut self.new,
        };
        lines[lane].push_back(spot);
    }

    /// What may be delivered waits for its turn again.
    fn put_back(&mut self, spot: Spot) {
        let state = self
            .parts
            .get_mut(&spot.0)
            .and_then(|p| p.window.get(spot.1));
        if let Some(state @ State::Ready(_)) = state
            && let State::Ready(mut entry) = std::mem::replace(state, State::Done)
        {
            self.bytes -= size(&entry);
            self.waiting.add(spot.0, &mut entry);
            *state = State::Waiting(entry);
        }
    }

    /// It waits until its key has its turn.
    fn wait(&mut self, spot: Spot) {
        let state = self
            .parts
            .get_mut(&spot.0)
            .and_then(|p| p.window.get(spot.1));
        if let Some(State::Waiting(entry)) = state {
            self.waiting.add(spot.0, entry);
        }
    }
}

fn is_out(parts: &FxHashMap<u64, Assigned>, spot: Spot) -> bool {
    let state = parts.get(&spot.0).and_then(|part| part.window.look(spot.1));
    matches!(state, Some(State::Out(..)))
}
