//! Who may work now: numbered permits that are shared fairly between lanes.

mod admission;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

#[cfg(feature = "work-queue")]
pub(crate) use admission::not_begun;

/// Permits, as many as may work at once. Who waits for one waits in a lane (a topic, a tenant);
/// whenever a permit comes free, the lanes that wait have their turns one after the other, each
/// as many as its share. So a lane with a long backlog takes from another no more than its share,
/// however much it waits with.
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Permits there are to be.
    wanted: usize,
    /// Permits that are held: more than `wanted` for a while after that was made less.
    held: usize,
    /// Numbers that nobody holds, the smallest first.
    free: BinaryHeap<Reverse<usize>>,
    /// Numbers there are, held or not.
    numbers: usize,
    lanes: BTreeMap<u64, Lane>,
    next_lane: u64,
    /// The lanes in which somebody waits, in the order of their turns.
    turns: VecDeque<u64>,
    /// Who waits to be the only one. Nobody else begins before they had their turn.
    alone: VecDeque<oneshot::Sender<Permit>>,
    /// Somebody is the only one.
    is_alone: bool,
}

struct Lane {
    /// How many turns it has in a round.
    share: u32,
    /// How many of them are left.
    left: u32,
    waiting: VecDeque<oneshot::Sender<Permit>>,
}

/// The right to work, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    /// `None` once it was taken back.
    gate: Option<Arc<Gate>>,
    number: usize,
    is_alone: bool,
}

impl Permit {
    /// From 0; at any time no two that are held have the same.
    #[cfg(any(feature = "work-queue", test))]
    pub(crate) fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.give_back(self.number, self.is_alone);
        }
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

impl Gate {
    pub(crate) fn new(permits: usize) -> Arc<Self> {
        let gate = Self {
            state: Mutex::default(),
        };
        let gate = Arc::new(gate);
        gate.set_permits(permits);
        gate
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes how many may work at once. Fewer takes effect as permits come back.
    pub(crate) fn set_permits(self: &Arc<Self>, permits: usize) {
        let mut state = self.state();
        state.wanted = permits;
        let new = state.numbers..permits.max(state.numbers);
        state.numbers = new.end;
        state.free.extend(new.map(Reverse));
        self.grant(&mut state);
    }

    /// How many may work at once.
    pub(crate) fn permits(&self) -> usize {
        self.state().wanted
    }

    /// A lane with so many turns in each round, at least one.
    pub(crate) fn open_lane(&self, share: u32) -> u64 {
        let mut state = self.state();
        let id = state.next_lane;
        state.next_lane += 1;
        let share = share.max(1);
        let lane = Lane {
            share,
            left: share,
            waiting: VecDeque::new(),
        };
        state.lanes.insert(id, lane);
        id
    }

    /// Who still waits in it is never let in.
    pub(crate) fn close_lane(&self, lane: u64) {
        let mut state = self.state();
        state.lanes.remove(&lane);
        state.turns.retain(|id| *id != lane);
    }

    /// A permit at once, if one is free and nobody waits.
    pub(crate) fn try_enter(self: &Arc<Self>) -> Option<Permit> {
        let mut state = self.state();
        if !state.turns.is_empty() || !state.alone.is_empty() || state.is_alone {
            return None;
        }
        self.take(&mut state)
    }

    /// Waits for a turn of `lane`.
    pub(crate) fn enter(self: &Arc<Self>, lane: u64) -> oneshot::Receiver<Permit> {
        let (turn, waiting) = oneshot::channel();
        let mut state = self.state();
        let state = &mut *state;
        if let Some(entry) = state.lanes.get_mut(&lane) {
            if entry.waiting.is_empty() {
                state.turns.push_back(lane);
            }
            entry.waiting.push_back(turn);
        }
        self.grant(state);
        waiting
    }

    /// Waits until nobody else holds a permit; nobody else begins meanwhile, and while it is held.
    pub(crate) fn enter_alone(self: &Arc<Self>) -> oneshot::Receiver<Permit> {
        let (turn, waiting) = oneshot::channel();
        let mut state = self.state();
        state.alone.push_back(turn);
        self.grant(&mut state);
        waiting
    }

    /// Somebody who waited has gone: what waited for him goes on.
    pub(crate) fn look_again(self: &Arc<Self>) {
        self.grant(&mut self.state());
    }

    fn take(self: &Arc<Self>, state: &mut State) -> Option<Permit> {
        if state.held >= state.wanted {
            return None;
        }
        let Reverse(number) = state.free.pop()?;
        state.held += 1;
        Some(Permit {
            gate: Some(self.clone()),
            number,
            is_alone: false,
        })
    }

    fn give_back(self: &Arc<Self>, number: usize, is_alone: bool) {
        let mut state = self.state();
        state.is_alone &= !is_alone;
        Self::put_back(&mut state, number);
        self.grant(&mut state);
    }

    fn put_back(state: &mut State, number: usize) {
        state.held -= 1;
        state.free.push(Reverse(number));
    }

    /// Hands out what is free.
    fn grant(self: &Arc<Self>, state: &mut State) {
        if state.is_alone {
            return;
        }
        while let Some(first) = state.alone.front() {
            if first.is_closed() {
                state.alone.pop_front();
                continue;
            }
            if state.held > 0 {
                return;
            }
            let Some(mut permit) = self.take(state) else {
                return;
            };
            permit.is_alone = true;
            let Some(first) = state.alone.pop_front() else {
                return;
            };
            match first.send(permit) {
                Ok(()) => {
                    state.is_alone = true;
                    return;
                }
                Err(permit) => Self::undo(state, permit),
            }
        }
        while state.held < state.wanted {
            let Some(next) = Self::next_turn(state) else {
                return;
            };
            let Some(permit) = self.take(state) else {
                return;
            };
            if let Err(permit) = next.send(permit) {
                Self::undo(state, permit);
            }
        }
    }

    /// Takes back a permit that nobody came for, under the lock that its drop would ask for.
    fn undo(state: &mut State, mut permit: Permit) {
        permit.gate = None;
        Self::put_back(state, permit.number);
    }

    /// Whose turn it is: the first who waits in the first lane.
    fn next_turn(state: &mut State) -> Option<oneshot::Sender<Permit>> {
        while let Some(id) = state.turns.pop_front() {
            let Some(lane) = state.lanes.get_mut(&id) else {
                continue;
            };
            let next = std::iter::from_fn(|| lane.waiting.pop_front()).find(|w| !w.is_closed());
            let is_turn_over = {
                lane.left -= u32::from(next.is_some());
                lane.left == 0
            };
            if lane.waiting.is_empty() {
                // Who comes again begins at the end, with a new share: nothing is saved up.
                lane.left = lane.share;
            } else if is_turn_over {
                lane.left = lane.share;
                state.turns.push_back(id);
            } else {
                state.turns.push_front(id);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}
