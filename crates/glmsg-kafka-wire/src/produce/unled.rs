//! Partitions of which nobody is known to be the leader, or whose leader cannot be reached: the cluster
//! is asked until it says who leads them, or until what waits for them is given up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::batch::Batch;
use super::call::{UNKNOWN, wake};
use super::sender::answer;
use super::state::{At, NOBODY};

/// Codes that say that a topic is not known, or not yet who leads it.
const UNKNOWN_TOPIC: i16 = 3;
const NO_LEADER: i16 = 5;
/// How long to wait if the cluster cannot be asked.
const PAUSE: Duration = Duration::from_millis(100);

/// There is one task, as for the first of a broker's.
const LANE: usize = 0;

/// The task.
pub(super) struct Unled {
    shared: Arc<Shared>,
    waiting: Vec<At>,
    /// It was told that it has ended.
    is_done: bool,
}

impl Unled {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            waiting: Vec::new(),
            is_done: false,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let bell = {
                let mut state = self.shared.state();
                self.waiting.extend(state.drain(NOBODY));
                // They are among what this task has.
                for at in &self.waiting {
                    state.partition(*at).is_listed = true;
                }
                if self.waiting.is_empty() && self.shared.is_over.load(Ordering::Acquire) {
                    // At once, so that whoever has something for it begins another.
                    self.is_done = true;
                    state.has_ended(NOBODY, LANE);
                    return;
                }
                state.bell(NOBODY, LANE)
            };
            if self.waiting.is_empty() {
                bell.notified().await;
                continue;
            }
            self.expire();
            let now = Instant::now();
            let next = self.next(now);
            if next > now {
                let _ = tokio::time::timeout_at(next, bell.notified()).await;
                continue;
            }
            self.look().await;
        }
    }

    /// When there is something to do.
    fn next(&self, now: Instant) -> Instant {
        let mut state = self.shared.state();
        let each = self.waiting.iter().map(|at| {
            let partition = state.partition(*at);
            let again = partition.again_at.unwrap_or(now);
            let late = partition.queue.front().map_or(now, |batch| batch.deadline);
            again.min(late)
        });
        each.min().unwrap_or(now)
    }

    /// Gives up what has waited for too long.
    fn expire(&mut self) {
        let now = Instant::now();
        let mut late: Vec<(At, Batch)> = Vec::new();
        {
            let mut state = self.shared.state();
            for at in &self.waiting {
                let partition = state.partition(*at);
                while partition.queue.front().is_some_and(|b| b.deadline <= now) {
                    late.extend(partition.queue.pop_front().map(|batch| (*at, batch)));
                }
            }
        }
        // As long as they are listed here, nobody else sends for them.
        if !late.is_empty() {
            answer::expire(&self.shared, late);
        }
        let mut state = self.shared.state();
        self.waiting.retain(|at| {
            let partition = state.partition(*at);
            partition.is_listed = !partition.queue.is_empty();
            partition.is_listed
        });
    }

    /// Asks who leads them.
    async fn look(&mut self) {
        let now = Instant::now();
        let (due, names) = {
            let mut state = self.shared.state();
            let is_due = |at: &&At| state.partition(**at).again_at.is_none_or(|t| t <= now);
            let due: Vec<At> = self.waiting.iter().filter(is_due).copied().collect();
            let mut names: Vec<_> = due.iter().map(|at| state.name(*at)).collect();
            names.dedup();
            (due, names)
        };
        let topics: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        if let Err(error) = self.shared.cluster.ask(&topics).await {
            tracing::debug!(%error, "nobody could be asked who leads a partition");
            let mut state = self.shared.state();
            let now = Instant::now();
            state.trouble = Some((now, Arc::new(error)));
            for at in due {
                state.partition(at).again_at = Some(now + PAUSE);
            }
            return;
        }
        self.shared.state().trouble = None;
        for at in due {
            self.place(at);
        }
    }

    /// Has a partition go where the cluster says.
    fn place(&mut self, at: At) {
        let mut state = self.shared.state();
        let name = state.name(at);
        let leaders = self.shared.cluster.leaders(&name);
        let (code, leader) = leaders.map_or((UNKNOWN_TOPIC, NOBODY), |leaders| {
            match (leaders.code, leaders.nodes.get(at.1)) {
                (0, Some(leader)) => (0, *leader),
                (0, None) => (UNKNOWN_TOPIC, NOBODY),
                (code, _) => (code, NOBODY),
            }
        });
        let now = Instant::now();
        let partition = state.partition(at);
        match code {
            0 if leader >= 0 => {
                partition.unknown_since = None;
                partition.leader = leader;
                partition.is_listed = false;
                self.waiting.retain(|other| *other != at);
                let woken = state.list(at);
                drop(state);
                if let Some(node) = woken {
                    wake(&self.shared, node);
                }
            }
            0 | NO_LEADER => partition.lose_leader(now),
            UNKNOWN_TOPIC if now < *partition.unknown_since.get_or_insert(now) + UNKNOWN => {
                partition.lose_leader(now);
            }
            code => {
                partition.unknown_since = None;
                self.waiting.retain(|other| *other != at);
                drop(state);
                answer::refuse(&self.shared, at, code);
            }
        }
    }
}

impl Drop for Unled {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut state = self.shared.state();
        for at in self.waiting.drain(..) {
            state.partition(at).is_listed = false;
            state.list(at);
        }
        self.shared.leave(state, NOBODY, LANE);
    }
}
