//! Holding workers that run.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use glmsg_core::{Result, TopicName};

use super::builder::{Settings, Shares};
use super::worker::Desk;
use crate::fleet::Fleet;

/// Workers of a queue that run in this process. Dropping it begins the drain, in the background.
///
/// A worker that dies is replaced: a handler that panics costs its task an attempt and nothing
/// else.
#[must_use = "dropping the pool stops its workers"]
pub struct WorkerPool {
    queue: TopicName,
    settings: Settings,
    shares: Arc<Shares>,
    workers: AtomicUsize,
    desk: Arc<Desk>,
    fleet: Fleet,
}

/// What a pool has done since it was started, all its workers together, also those that are gone.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerPoolStats {
    /// Workers there are now.
    pub workers: usize,
    /// Topics they have tasks from now: one for each tenant, and that of the queue itself.
    pub topics: usize,
    /// Deliveries received.
    pub received: u64,
    /// Those of them that were not the task's first.
    pub redelivered: u64,
    /// Tasks done and acked.
    pub done: u64,
    /// Failed attempts: errors, panics and time-outs.
    pub failed: u64,
    /// Panics among them.
    pub panicked: u64,
    /// Time-outs among them.
    pub timed_out: u64,
    /// Failed attempts that come again.
    pub retried: u64,
    /// Tasks that became dead letters here.
    pub dead_lettered: u64,
    /// Tasks that run now.
    pub running: usize,
    /// Tasks that wait for their tenant's turn, or in a buffer of this process.
    pub waiting: u64,
}

/// What one worker has done since the pool was started.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerStats {
    /// Its number, from 0.
    pub worker: usize,
    /// Tasks whose handler it brought to a good end.
    pub done: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Tasks it runs now.
    pub running: usize,
    /// How long its tasks have run, together.
    pub busy: Duration,
}

impl WorkerPool {
    pub(super) fn new(
        queue: TopicName,
        settings: Settings,
        shares: Arc<Shares>,
        desk: Arc<Desk>,
        fleet: Fleet,
    ) -> Self {
        Self {
            queue,
            workers: AtomicUsize::new(settings.workers),
            settings,
            shares,
            desk,
            fleet,
        }
    }

    /// Changes how many workers there are, at once: fewer let what runs come to its end, and begin
    /// nothing more. What those did that go is still counted.
    ///
    /// # Errors
    /// `InvalidArgument` unless workers times concurrency is 1 to 10 000.
    pub fn set_workers(&self, workers: usize) -> Result<()> {
        let permits = self.settings.permits(workers)?;
        self.workers.store(workers, Relaxed);
        self.desk.hire(workers);
        self.desk.gate.set_permits(permits);
        let workers = |topic: &TopicName| self.shares.workers(topic, permits);
        self.fleet.set_workers(workers)
    }

    /// The topics it has tasks from: one for each tenant, and that of the queue itself.
    pub fn topics(&self) -> Vec<TopicName> {
        self.fleet.topics()
    }

    /// What all workers together have done and are doing.
    pub fn stats(&self) -> WorkerPoolStats {
        let tally = self.fleet.tally();
        let counters = self.desk.counters();
        let running = counters.iter().map(|c| c.running.load(Relaxed)).sum();
        let held = tally.in_flight + tally.buffered;
        WorkerPoolStats {
            workers: self.workers.load(Relaxed),
            topics: self.fleet.topics().len(),
            received: tally.received,
            redelivered: tally.redelivered,
            done: tally.handled,
            failed: tally.failed,
            panicked: tally.panicked,
            timed_out: tally.timed_out,
            retried: tally.retried,
            dead_lettered: tally.dead_lettered,
            running,
            waiting: held.saturating_sub(running as u64),
        }
    }

    /// What each worker has done and is doing, by number; also those that are gone.
    pub fn worker_stats(&self) -> Vec<WorkerStats> {
        let counters = self.desk.counters().into_iter().enumerate();
        let stats = counters.map(|(worker, counters)| WorkerStats {
            worker,
            done: counters.done.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            running: counters.running.load(Relaxed),
            busy: Duration::from_micros(counters.busy_micros.load(Relaxed)),
        });
        stats.collect()
    }

    /// `false` once it has ended.
    pub fn is_running(&self) -> bool {
        self.fleet.is_running()
    }

    /// Stops: nothing new is begun, tasks that run come to their end within the drain time-out, the
    /// rest goes back at once and uncounted, for other processes. Under a second where nothing runs.
    ///
    /// # Errors
    /// What ended the workers before, or what kept them from settling.
    pub async fn shutdown(mut self) -> Result<WorkerPoolStats> {
        self.fleet.shutdown().await?;
        Ok(self.stats())
    }

    /// Waits until the workers have ended, for use in a `select!` beside a signal. What ended them is
    /// told once.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    ///
    /// # Errors
    /// `Closed` after the broker was closed; what kept them from settling.
    pub async fn ended(&mut self) -> Result<WorkerPoolStats> {
        self.fleet.ended().await?;
        Ok(self.stats())
    }
}

impl fmt::Debug for WorkerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPool")
            .field("queue", &self.queue)
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}
