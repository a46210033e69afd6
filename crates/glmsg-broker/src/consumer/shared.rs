//! What the pump and the workers share.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::builder::Settings;
use super::gate::Gate;
use super::settling::BeforeAck;
use super::stats::{ConsumerReport, ConsumerStats, Counters};
use crate::metrics::Handling;
use crate::{Nack, Observer, Received, SubscribeOptions, Token};

/// What the pump and the workers share. A worker takes the lock once for several messages when
/// handlers are quick: it hands in what is done and takes what comes next in one go.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Wakes workers: there is work, or fewer of them are wanted.
    pub(super) work: Notify,
    /// Wakes the pump: there is something to settle, there is room, or a worker became idle.
    pub(super) pump: Notify,
    pub(super) options: SubscribeOptions,
    pub(super) settings: Settings,
    pub(super) counters: Counters,
    pub(super) metrics: Option<Handling>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    /// What holds the intake back; the first is the handle's.
    pub(super) gates: Vec<Gate>,
    pub(super) before_ack: Option<BeforeAck>,
    /// Cancelled: no more intake.
    pub(super) draining: CancellationToken,
    /// Cancelled: handlers are stopped.
    pub(super) abort: CancellationToken,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) ready: VecDeque<Received>,
    /// What each worker holds, by its number.
    pub(super) active: Vec<Vec<Token>>,
    /// Which numbers have a worker.
    pub(super) running: Vec<bool>,
    /// How far each worker is with what it holds.
    pub(super) progress: Vec<Arc<Progress>>,
    pub(super) outcomes: Outcomes,
    /// Workers waiting for work.
    idle: usize,
    /// Workers wanted.
    pub(super) workers: usize,
    /// The pump waits for room before it receives again.
    pub(super) wants_room: bool,
    /// No more intake: what comes back from a worker goes back to the broker.
    pub(super) draining: bool,
    /// Nothing more will come: idle workers end.
    pub(super) finished: bool,
}

/// How far a worker is with the messages it took together.
#[derive(Default)]
pub(super) struct Progress {
    /// How many of them it has handled.
    pub(super) handled: AtomicUsize,
    /// Set by the pump: what it has not begun is no longer its own.
    pub(super) is_revoked: AtomicBool,
    /// What `handled` was at the last beat; only the pump looks at it.
    seen: AtomicUsize,
}

/// Settlements that workers ask for.
#[derive(Default)]
pub(super) struct Outcomes {
    pub(super) acks: Vec<Token>,
    pub(super) nacks: Vec<Nack>,
    pub(super) releases: Vec<Token>,
}

impl Outcomes {
    pub(super) fn is_empty(&self) -> bool {
        self.acks.is_empty() && self.nacks.is_empty() && self.releases.is_empty()
    }

    pub(super) fn append(&mut self, other: &mut Self) {
        self.acks.append(&mut other.acks);
        self.nacks.append(&mut other.nacks);
        self.releases.append(&mut other.releases);
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        let nacks = self.nacks.iter().map(|n| n.token);
        self.acks.iter().chain(&self.releases).copied().chain(nacks)
    }
}

impl State {
    /// How many messages workers hold.
    fn handling(&self) -> usize {
        self.active.iter().map(Vec::len).sum()
    }
}

impl Progress {
    fn restart(&self) {
        self.handled.store(0, Relaxed);
        self.is_revoked.store(false, Relaxed);
        self.seen.store(usize::MAX, Relaxed);
    }
}

/// What there is for a worker.
enum Next {
    Work { pump_woken: bool },
    Nothing,
    End,
}

/// The most messages a worker takes at a time.
const MAX_CHUNK: usize = 64;

impl Shared {
    pub(super) fn new(
        options: SubscribeOptions,
        settings: Settings,
        metrics: Option<Handling>,
        observer: Option<Arc<dyn Observer>>,
        draining: CancellationToken,
        gates: Vec<Gate>,
        before_ack: Option<BeforeAck>,
    ) -> Self {
        let state = State {
            workers: settings.workers,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            work: Notify::new(),
            pump: Notify::new(),
            options,
            settings,
            counters: Counters::default(),
            metrics,
            observer,
            gates,
            before_ack,
            draining,
            abort: CancellationToken::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many messages may be in this process, by the narrowest gate; `usize::MAX` for any.
    pub(super) fn limit(&self) -> usize {
        let bounds = self.gates.iter().map(Gate::bound);
        bounds.min().unwrap_or(usize::MAX)
    }

    /// How many more messages the gates let in; `usize::MAX` for any.
    pub(super) fn space(&self) -> usize {
        match self.limit() {
            usize::MAX => usize::MAX,
            limit => {
                let state = self.state();
                limit.saturating_sub(state.ready.len() + state.handling())
            }
        }
    }

    /// Gives back what waits here and is more than the gates allow.
    pub(super) fn hold_back(&self) {
        let limit = self.limit();
        if limit == usize::MAX {
            return;
        }
        let mut state = self.state();
        let keep = limit.saturating_sub(state.handling());
        if state.ready.len() > keep {
            let back: Vec<Token> = state.ready.drain(keep..).map(|r| r.token).collect();
            state.outcomes.releases.extend(back);
        }
    }

    /// Hands in worker `index`'s outcomes and fills `chunk` with what it does next: one message,
    /// or a share of what waits if its handlers are `quick`. `false`: the worker is to end.
    pub(super) async fn next(
        &self,
        index: usize,
        done: &mut Outcomes,
        chunk: &mut VecDeque<Received>,
        quick: bool,
    ) -> bool {
        loop {
            let mut next = self.try_next(index, done, chunk, quick, false);
            let work = self.work.notified();
            tokio::pin!(work);
            if matches!(next, Next::Nothing) {
                // Enabled before looking again, so that a notification after the look is not
                // missed.
                work.as_mut().enable();
                next = self.try_next(index, done, chunk, quick, true);
            }
            match next {
                Next::End => return false,
                Next::Work { pump_woken } => {
                    // The pump was perhaps woken on this thread, where nobody else can run it: it
                    // goes first, because the handler may block the thread.
                    if pump_woken {
                        tokio::task::yield_now().await;
                    }
                    return true;
                }
                Next::Nothing => {}
            }
            work.await;
            self.state().idle -= 1;
        }
    }

    /// If there is nothing now and the worker is `to_wait`, it counts as idle.
    fn try_next(
        &self,
        index: usize,
        done: &mut Outcomes,
        chunk: &mut VecDeque<Received>,
        quick: bool,
        to_wait: bool,
    ) -> Next {
        let mut state = self.state();
        state.outcomes.append(done);
        // Quick workers come by again at once, so their outcomes may gather; whoever finds nothing
        // to do, or begins to wait, wakes the pump in any case.
        let gathered = state.outcomes.acks.len() + state.outcomes.nacks.len();
        let mut wake_pump = gathered >= if quick { MAX_CHUNK } else { 1 };
        state.active[index].clear();
        let surplus = index >= state.workers;
        let limit = self.limit();
        // Behind a closed gate the pump gives back what waits.
        let waiting = if limit == 0 { 0 } else { state.ready.len() };
        let next = if surplus || (waiting == 0 && state.finished) {
            state.running[index] = false;
            Next::End
        } else if waiting > 0 {
            let share = waiting / state.workers.max(1);
            let take = if quick && limit == usize::MAX {
                share.clamp(1, MAX_CHUNK)
            } else {
                1
            };
            chunk.extend(state.ready.drain(..take));
            state.active[index].extend(chunk.iter().map(|r| r.token));
            state.progress[index].restart();
            wake_pump |= state.wants_room && state.ready.len() <= self.options.prefetch / 2;
            Next::Work {
                pump_woken: wake_pump,
            }
        } else {
            state.idle += usize::from(to_wait);
            Next::Nothing
        };
        drop(state);
        // An idle worker too: whoever waits for quiet (a drain, a lone retry) must hear of it.
        if wake_pump || !matches!(next, Next::Work { .. }) {
            self.pump.notify_one();
        }
        next
    }

    /// Before a worker waits inside a handler, or when it takes long: what is done is handed in,
    /// and what it had taken beyond the message at hand goes to others.
    pub(super) fn give_back(
        &self,
        index: usize,
        current: Option<Token>,
        done: &mut Outcomes,
        chunk: &mut VecDeque<Received>,
    ) {
        let limit = self.limit();
        let mut state = self.state();
        state.outcomes.append(done);
        state.active[index].clear();
        state.active[index].extend(current);
        if state.progress[index].is_revoked.load(Relaxed) {
            // The broker has them back already.
            chunk.clear();
        }
        while let Some(received) = chunk.pop_back() {
            if state.draining || limit == 0 {
                state.outcomes.releases.push(received.token);
            } else {
                state.ready.push_front(received);
            }
        }
        state.progress[index].restart();
        let wake = state.idle.min(state.ready.len());
        drop(state);
        self.pump.notify_one();
        self.wake_workers(wake);
    }

    /// Wakes as many workers as there is work for.
    pub(super) fn wake_idle(&self) {
        self.offer([]);
    }

    /// Puts received messages in front of the workers. Returns whether one of them takes some at once.
    pub(super) fn offer(&self, received: impl IntoIterator<Item = Received>) -> bool {
        let mut state = self.state();
        state.ready.extend(received);
        let wake = state.idle.min(state.ready.len());
        drop(state);
        self.wake_workers(wake);
        wake > 0
    }

    fn wake_workers(&self, n: usize) {
        for _ in 0..n {
            self.work.notify_one();
        }
    }

    /// `true` if nothing waits, is handled, or is to be settled.
    pub(super) fn is_quiet(&self) -> bool {
        let state = self.state();
        state.ready.is_empty()
            && state.outcomes.is_empty()
            && state.active.iter().all(Vec::is_empty)
    }

    /// All tokens whose lease is to be renewed, besides those being settled.
    pub(super) fn held(&self) -> Vec<Token> {
        let state = self.state();
        let active = state.active.iter().flatten().copied();
        let ready = state.ready.iter().map(|r| r.token);
        active.chain(ready).chain(state.outcomes.tokens()).collect()
    }

    /// Takes from workers that are stuck in one handler what they took together with it, and gives
    /// it back to the broker: a handler that blocks its thread must not hold others' messages.
    /// A worker that comes free in this very moment may handle one of them all the same.
    pub(super) fn revoke_stuck(&self) {
        let mut state = self.state();
        let state = &mut *state;
        for (held, progress) in state.active.iter_mut().zip(&state.progress) {
            let handled = progress.handled.load(Relaxed);
            let is_stuck = progress.seen.swap(handled, Relaxed) == handled;
            if is_stuck && held.len() > handled + 1 {
                progress.is_revoked.store(true, Relaxed);
                state.outcomes.releases.extend(held.drain(handled + 1..));
            }
        }
    }

    /// What a worker held that ended by a panic outside its handler goes back to the broker.
    pub(super) fn bury_worker(&self, index: usize) {
        let mut state = self.state();
        let held = std::mem::take(&mut state.active[index]);
        state.outcomes.releases.extend(held);
        state.running[index] = false;
        drop(state);
        self.pump.notify_one();
    }

    /// Forgets messages that wait here but belong to somebody else by now.
    pub(super) fn forget(&self, lost: &HashSet<Token>) {
        self.state().ready.retain(|r| !lost.contains(&r.token));
    }

    pub(super) fn record_handling(&self, took: &mut Vec<Duration>) {
        if !took.is_empty() {
            self.counters.handling(took, self.metrics.as_ref());
            took.clear();
        }
    }

    pub(super) fn stats(&self) -> ConsumerStats {
        let mut stats = self.counters.snapshot();
        let state = self.state();
        stats.in_flight = state.handling() as u64;
        stats.buffered = state.ready.len() as u64;
        stats.workers = state.workers as u64;
        stats
    }

    pub(super) fn report(&self) -> ConsumerReport {
        let stopped = self
            .counters
            .stopped
            .load(std::sync::atomic::Ordering::Relaxed);
        ConsumerReport {
            stats: self.stats(),
            stopped,
        }
    }
}
