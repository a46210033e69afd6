//! The consumer's main task: receives, settles, renews leases, scales, drains.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::FutureExt;
use glmsg_core::{Error, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::beside::{Either, Settling, beside};
use super::gate;
use super::settling::settle;
use super::shared::{Outcomes, Shared};
use super::solo::{Solo, is_suspect};
use super::stats::Ending;
use super::worker;
use crate::backoff::Backoff;
use crate::{BoxSettler, BoxSource, Handler, Intake, Received, Settled, Settler, Source, Token};

/// So few messages go to their handlers before the next receive, which takes their acks along.
const FEW: usize = 16;
/// How long a handler may take before the next receive begins all the same. It may block its thread.
const AT_MOST: std::time::Duration = std::time::Duration::from_millis(20);
/// How long a handler that is stopped may take to notice.
const GRACE: std::time::Duration = std::time::Duration::from_secs(1);

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Receipt = (BoxSource, Vec<Received>, Result<Intake>);

pub(super) struct Pump<H> {
    /// `None` while a receive is under way, and once the intake has stopped.
    source: Option<BoxSource>,
    /// Under way. It is never given up for being asked again with another number, so that nothing
    /// it has taken waits unseen; dropping it with its source gives that back.
    receiving: Option<Task<Receipt>>,
    settler: BoxSettler,
    shared: Arc<Shared>,
    handler: Arc<H>,
    workers: JoinSet<()>,
    buf: Vec<Received>,
    solo: Solo,
    /// Under way; at most one at a time, so that settlements gather meanwhile.
    settling: Option<Settling<(Outcomes, Option<Error>)>>,
    settling_tokens: Vec<Token>,
    renewing: Option<Task<()>>,
    /// Ends when a gate before this consumer changes.
    gates: Option<Task<Vec<watch::Receiver<()>>>>,
    /// Few messages came: nothing is received before a worker is done, or waits.
    lets_go_first: bool,
    /// Ends when one that was let go first has taken long enough. It is not made anew for each: at
    /// thousands a second timers would cost more than being late by one.
    patience: Option<Task<()>>,
    /// After a failure: nothing is received, or settled, before these.
    receive_at: Option<Instant>,
    settle_at: Option<Instant>,
    receive_backoff: Backoff,
    settle_backoff: Backoff,
    ending: Ending,
}

impl<H: Handler> Pump<H> {
    pub(super) fn new(source: BoxSource, shared: Arc<Shared>, handler: Arc<H>) -> Self {
        Self {
            settler: source.settler(),
            source: Some(source),
            receiving: None,
            shared,
            handler,
            workers: JoinSet::new(),
            buf: Vec::new(),
            solo: Solo::Off,
            settling: None,
            settling_tokens: Vec::new(),
            renewing: None,
            gates: None,
            lets_go_first: false,
            patience: None,
            receive_at: None,
            settle_at: None,
            receive_backoff: Backoff::default(),
            settle_backoff: Backoff::default(),
            ending: Ok(()),
        }
    }

    pub(super) async fn run(mut self) -> Ending {
        let shared = self.shared.clone();
        let beat = shared.options.lease / 3;
        let mut heartbeat = interval_at(Instant::now() + beat, beat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let gates = shared.gates.iter().map(gate::Gate::watch).collect();
        self.gates = Some(Box::pin(gate::changed(gates)));
        let (mut draining, mut deadline) = (false, None);
        let cancelled = shared.draining.cancelled();
        tokio::pin!(cancelled);
        loop {
            self.spawn_workers();
            shared.hold_back();
            self.begin_settling();
            if draining && self.settling.is_none() && shared.is_quiet() {
                break;
            }
            self.step_solo();
            self.begin_receiving();
            let solo_until = match self.solo {
                Solo::Waiting(until) => Some(until),
                _ => None,
            };
            tokio::select! {
                biased;
                () = &mut cancelled, if !draining => {
                    draining = true;
                    // Too long for the clock is for ever.
                    deadline = Instant::now().checked_add(shared.settings.drain_timeout);
                    self.stop_intake();
                }
                () = pending_or(&mut self.renewing) => self.renewing = None,
                gates = pending_or(&mut self.gates) => {
                    self.gates = Some(Box::pin(gate::changed(gates)));
                    shared.wake_idle();
                }
                _ = heartbeat.tick() => {
                    shared.revoke_stuck();
                    self.renew();
                }
                () = pending_or(&mut self.patience) => {
                    (self.patience, self.lets_go_first) = (None, false);
                }
                () = until(self.settle_at) => self.settle_at = None,
                () = until(self.receive_at) => self.receive_at = None,
                () = until(solo_until) => {}
                either = beside(&mut self.settling, &mut self.receiving) => match either {
                    Either::Settled((left, error)) => self.settled(left, error),
                    Either::Received((source, buf, received)) => {
                        self.receiving = None;
                        (self.source, self.buf) = (Some(source), buf);
                        self.received(received);
                    }
                },
                () = until(deadline), if draining => {
                    if shared.abort.is_cancelled() {
                        self.abandon().await;
                        return self.ending;
                    }
                    shared.abort.cancel();
                    deadline = Some(Instant::now() + GRACE);
                }
                // Last: a wake-up that is not news must not keep a receive from beginning, which may take acks along.
                () = shared.pump.notified() => self.lets_go_first = false,
            }
        }
        shared.state().finished = true;
        shared.work.notify_waiters();
        while self.workers.join_next().await.is_some() {}
        self.ending
    }

    /// A handler that blocks its thread cannot be stopped. Its message is given back, so that
    /// another member gets it, and the worker is left behind.
    async fn abandon(&mut self) {
        let (done, held) = {
            let mut state = self.shared.state();
            state.finished = true;
            let held: Vec<Token> = state.active.iter().flatten().copied().collect();
            (std::mem::take(&mut state.outcomes), held)
        };
        self.shared.work.notify_waiters();
        tracing::error!(
            messages = held.len(),
            "handlers block their threads and cannot be stopped"
        );
        self.shared
            .counters
            .stopped
            .fetch_add(held.len() as u64, Relaxed);
        let settled = async {
            if let Some(settling) = self.settling.take() {
                settling.end().await;
            }
            // What is done is settled first; releasing it as well then changes nothing.
            let (_, failed) = settle(self.shared.clone(), self.settler.clone(), done).await;
            failed.map_or(Ok(()), Err)?;
            self.settler.release(&held).await.map(drop)
        };
        if let Ok(Err(error)) = tokio::time::timeout(GRACE, settled).await {
            self.ending = Err(error);
        }
        self.workers.detach_all();
    }

    /// As many workers as are wanted; surplus ones end by themselves.
    fn spawn_workers(&mut self) {
        while self.workers.try_join_next().is_some() {}
        let mut state = self.shared.state();
        let wanted = state.workers.max(state.running.len());
        state.running.resize(wanted, false);
        state.active.resize(wanted, Vec::new());
        state.progress.resize_with(wanted, Arc::default);
        for index in 0..state.workers {
            if std::mem::replace(&mut state.running[index], true) {
                continue;
            }
            let worker = worker::run(self.shared.clone(), index, self.handler.clone());
            self.workers.spawn(worker);
        }
    }

    fn begin_receiving(&mut self) {
        let room = self.room();
        if room == 0 {
            return;
        }
        let mut buf = std::mem::take(&mut self.buf);
        if let Some(mut source) = self.source.take() {
            self.receiving = Some(Box::pin(async move {
                let received = source.recv(&mut buf, room).await;
                (source, buf, received)
            }));
        }
    }

    /// How many messages may be received now.
    fn room(&self) -> usize {
        let is_waiting = matches!(self.solo, Solo::Waiting(_));
        if self.source.is_none() || is_waiting || self.lets_go_first || self.receive_at.is_some() {
            return 0;
        }
        let space = self.shared.space();
        if matches!(self.solo, Solo::Alone) {
            let quiet = self.settling.is_none() && self.shared.is_quiet();
            return usize::from(quiet).min(space);
        }
        if space != usize::MAX {
            return space.min(self.shared.options.prefetch);
        }
        let mut state = self.shared.state();
        let waiting = state.ready.len();
        let room = self.shared.options.prefetch.saturating_sub(waiting);
        // Small refills cost as much as large ones.
        let enough = (self.shared.options.prefetch / 2).max(1);
        state.wants_room = waiting > 0 && room < enough;
        if state.wants_room { 0 } else { room }
    }

    fn received(&mut self, received: Result<Intake>) {
        let again = self.buf.iter().filter(|r| r.attempt > 1).count() as u64;
        let intake = *received.as_ref().unwrap_or(&Intake::default());
        self.shared
            .counters
            .intake(intake, self.buf.len() as u64, again);
        match received {
            Ok(_) => self.receive_backoff.reset(),
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "receive failed; trying again");
                self.receive_at = Some(Instant::now() + self.receive_backoff.next());
            }
            Err(error) => {
                tracing::error!(%error, "the consumer ends");
                self.ending = Err(error);
                self.shared.draining.cancel();
            }
        }
        if self.buf.is_empty() {
            return;
        }
        let policy = &self.shared.settings.retry;
        let has_suspects = self.buf.iter().any(|r| is_suspect(r, policy));
        match self.solo {
            Solo::Off if has_suspects => {
                let all = self.buf.drain(..).map(|r| r.token);
                self.shared.state().outcomes.releases.extend(all);
                self.solo = Solo::Waiting(Instant::now() + self.shared.options.lease);
                return;
            }
            Solo::Alone if !has_suspects => self.solo = Solo::Off,
            _ => {}
        }
        // It was begun before a gate became narrower.
        let space = self.shared.space().min(self.buf.len());
        let back = self.buf.drain(space..).map(|r| r.token);
        self.shared.state().outcomes.releases.extend(back);
        // What was done before is seen by the loop; what is done with these is news.
        let _ = self.shared.pump.notified().now_or_never();
        let are_few = self.buf.len() <= FEW;
        let are_taken = self.shared.offer(self.buf.drain(..));
        self.lets_go_first = are_few && are_taken;
        if self.lets_go_first && self.patience.is_none() {
            self.patience = Some(Box::pin(tokio::time::sleep(AT_MOST)));
        }
    }

    /// Moves on where something was waited for.
    fn step_solo(&mut self) {
        let is_quiet = || self.settling.is_none() && self.shared.is_quiet();
        self.solo = match self.solo {
            Solo::Waiting(_) if is_quiet() => Solo::Alone,
            Solo::Waiting(until) if until <= Instant::now() => Solo::GivenUp,
            Solo::GivenUp if is_quiet() => Solo::Off,
            same => same,
        };
    }

    fn begin_settling(&mut self) {
        if self.settling.is_some() || self.settle_at.is_some() {
            return;
        }
        let outcomes = std::mem::take(&mut self.shared.state().outcomes);
        if !outcomes.is_empty() {
            self.settling_tokens = outcomes.tokens().collect();
            let task = settle(self.shared.clone(), self.settler.clone(), outcomes);
            self.settling = Some(Settling::new(task));
        }
    }

    fn settled(&mut self, mut left: Outcomes, error: Option<Error>) {
        self.settling = None;
        self.settling_tokens.clear();
        let Some(error) = error else {
            self.settle_backoff.reset();
            return;
        };
        // Settling is idempotent, so it is tried again for as long as it can help; a drain that
        // has run out of time leaves it to the leases.
        if error.is_transient() && !self.shared.abort.is_cancelled() {
            tracing::warn!(%error, "settling failed; trying again");
            self.shared.state().outcomes.append(&mut left);
            self.settle_at = Some(Instant::now() + self.settle_backoff.next());
        } else {
            tracing::error!(%error, messages = left.tokens().count(), "could not settle");
            if self.ending.is_ok() {
                self.ending = Err(error);
            }
            self.shared.draining.cancel();
        }
    }

    fn renew(&mut self) {
        let mut tokens = self.shared.held();
        tokens.extend_from_slice(&self.settling_tokens);
        if tokens.is_empty() || self.renewing.is_some() {
            return;
        }
        let (settler, shared) = (self.settler.clone(), self.shared.clone());
        self.renewing = Some(Box::pin(async move {
            match settler.extend(&tokens, shared.options.lease).await {
                Ok(settled) => {
                    let lost = tokens
                        .iter()
                        .zip(settled)
                        .filter(|(_, s)| *s == Settled::Stale);
                    let lost: HashSet<Token> = lost.map(|(t, _)| *t).collect();
                    if !lost.is_empty() {
                        shared.forget(&lost);
                    }
                }
                // The next beat tries again; two of three may fail before a lease is lost.
                Err(error) => tracing::warn!(%error, "leases could not be renewed"),
            }
        }));
    }

    /// No more intake; what waits goes back at once.
    fn stop_intake(&mut self) {
        (self.source, self.receiving) = (None, None);
        let mut state = self.shared.state();
        state.draining = true;
        let mut back: Vec<Token> = state.ready.drain(..).map(|r| r.token).collect();
        back.extend(self.buf.drain(..).map(|r| r.token));
        state.outcomes.releases.append(&mut back);
    }
}

async fn pending_or<T>(task: &mut Option<Task<T>>) -> T {
    match task {
        Some(task) => task.as_mut().fuse().await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
