//! What is done with a task, from its turn to its end.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use glmsg_broker::{BoxStorage, Handler, HandlerError, Incoming};

use super::job::{IntoOutput, Job};
use super::rate::Limiter;
use super::result::Tracker;
use crate::gate::{Gate, Permit};

/// Calls the user's handler.
pub(super) trait Run: Send + Sync + 'static {
    type Output: IntoOutput;

    /// Runs it; `permit` lives as long as it really runs.
    fn run(
        &self,
        job: Job,
        permit: Permit,
    ) -> impl Future<Output = Result<Self::Output, HandlerError>> + Send;
}

/// A handler that is a future.
pub(super) struct Async<F>(pub(super) F);

impl<F, Fut, O> Run for Async<F>
where
    F: Fn(Job) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, HandlerError>> + Send,
    O: IntoOutput,
{
    type Output = O;

    async fn run(&self, job: Job, permit: Permit) -> Result<O, HandlerError> {
        let done = (self.0)(job).await;
        drop(permit);
        done
    }
}

/// What the tasks of a pool share.
pub(super) struct Desk {
    pub(super) gate: Arc<Gate>,
    pub(super) rate: Option<Limiter>,
    /// `None` where the backend keeps no results.
    pub(super) storage: Option<BoxStorage>,
    pub(super) concurrency: usize,
    pub(super) timeout: Option<Duration>,
    pub(super) lease: Duration,
    /// By the worker's number.
    counters: RwLock<Vec<Arc<Counters>>>,
}

/// What one worker has done.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) running: AtomicUsize,
    pub(super) done: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) busy_micros: AtomicU64,
}

impl Desk {
    pub(super) fn new(
        gate: Arc<Gate>,
        concurrency: usize,
        lease: Duration,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            gate,
            rate: None,
            storage: None,
            concurrency,
            timeout,
            lease,
            counters: RwLock::default(),
        }
    }

    /// As many counters as there are workers; those of workers that are gone stay.
    pub(super) fn hire(&self, workers: usize) {
        let mut counters = self
            .counters
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let all = workers.max(counters.len());
        counters.resize_with(all, Arc::default);
    }

    pub(super) fn counters(&self) -> Vec<Arc<Counters>> {
        let counters = self.counters.read().unwrap_or_else(PoisonError::into_inner);
        counters.clone()
    }

    fn counters_of(&self, worker: usize) -> Arc<Counters> {
        let counters = self.counters.read().unwrap_or_else(PoisonError::into_inner);
        counters.get(worker).cloned().unwrap_or_default()
    }
}

/// The handler of one topic's consumer.
pub(super) struct Worker<R> {
    pub(super) desk: Arc<Desk>,
    pub(super) lane: u64,
    pub(super) rate: Option<Limiter>,
    pub(super) run: Arc<R>,
}

const OVERTIME: &str = "the handler did not finish within its time-out";

impl<R: Run> Handler for Worker<R> {
    async fn handle(&self, incoming: Incoming) -> Result<(), HandlerError> {
        let desk = &self.desk;
        if let Some(rate) = &self.rate {
            rate.wait(&incoming).await?;
        }
        let permit = desk.gate.admit(self.lane, &incoming, desk.lease).await?;
        if let Some(rate) = &desk.rate {
            rate.wait(&incoming).await?;
        }
        let worker = permit.number() / desk.concurrency;
        let busy = Busy::begin(desk.counters_of(worker));
        let storage = desk.storage.as_ref();
        let tracker = storage.and_then(|storage| Tracker::of(&incoming, storage));
        if let Some(tracker) = &tracker {
            tracker.begun().await;
        }
        let job = Job {
            incoming,
            worker,
            tracker: tracker.clone(),
        };
        let run = self.run.run(job, permit);
        let ran = match desk.timeout {
            None => run.await,
            // The consumer's own time-out would count the waiting too.
            Some(limit) => tokio::time::timeout(limit, run)
                .await
                .unwrap_or_else(|_| Err(HandlerError::timed_out(OVERTIME))),
        };
        let ended = match (ran, tracker) {
            (Ok(_), None) => Ok(()),
            (Ok(output), Some(tracker)) => tracker.done(output).await.map_err(HandlerError::from),
            (Err(error), None) => Err(error),
            (Err(error), Some(tracker)) => {
                tracker.failed(&error).await;
                Err(error)
            }
        };
        busy.ended(ended.is_ok());
        ended
    }
}

/// A worker has something to do. However it ends, it is counted.
struct Busy {
    counters: Arc<Counters>,
    since: Instant,
    is_done: bool,
}

impl Busy {
    fn begin(counters: Arc<Counters>) -> Self {
        counters.running.fetch_add(1, Relaxed);
        Self {
            counters,
            since: Instant::now(),
            is_done: false,
        }
    }

    fn ended(mut self, is_done: bool) {
        self.is_done = is_done;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let counters = &self.counters;
        let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        counters.busy_micros.fetch_add(micros, Relaxed);
        counters.running.fetch_sub(1, Relaxed);
        let ended = match self.is_done {
            true => &counters.done,
            false => &counters.failed,
        };
        ended.fetch_add(1, Relaxed);
    }
}
