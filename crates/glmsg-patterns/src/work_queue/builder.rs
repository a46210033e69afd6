//! Setting up a pool of workers.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    CancellationToken, Consumer, ConsumerHandle, HandlerError, RetryPolicy, StartFrom,
};
use glmsg_core::{Error, ErrorKind, Result, TopicName, TopicPattern};

use super::WorkQueue;
use super::blocking::Blocking;
use super::job::{IntoOutput, Job};
use super::pool::WorkerPool;
use super::rate::Rate;
use super::worker::{Async, Desk, Run, Worker};
use crate::fleet::{Fleet, Outfit, Search};
use crate::gate::Gate;
use crate::hint;
use crate::lanes::Lanes;

/// The most tasks of a pool at a time.
const MOST: usize = 10_000;

/// Sets up a pool of workers; from [`WorkQueue::workers`].
///
/// | setting | default |
/// | --- | --- |
/// | [`concurrency`](Self::concurrency) of each worker | 1 |
/// | [`max_running`](Self::max_running) of the queue | none |
/// | [`rate`](Self::rate), [`tenant_rate`](Self::tenant_rate) | none |
/// | [`share`](Self::share) of a tenant | 1 |
/// | [`handler_timeout`](Self::handler_timeout) | none |
/// | [`retry`](Self::retry) | [`RetryPolicy::default`] |
/// | [`prefetch`](Self::prefetch) | 128 for each tenant |
/// | [`lease`](Self::lease) | 30 s |
/// | [`drain_timeout`](Self::drain_timeout) | 20 s |
/// | [`look_every`](Self::look_every) | 1 s |
#[must_use = "workers do nothing until they are started"]
pub struct WorkerPoolBuilder {
    queue: WorkQueue,
    settings: Settings,
    cancel: CancellationToken,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) workers: usize,
    pub(super) concurrency: usize,
    pub(super) max_running: usize,
    rate: Option<Rate>,
    tenant_rate: Option<Rate>,
    shares: Vec<(String, u32)>,
    retry: RetryPolicy,
    handler_timeout: Option<Duration>,
    prefetch: usize,
    lease: Duration,
    drain_timeout: Duration,
    look_every: Duration,
}

impl Settings {
    /// How many tasks run at a time with so many workers.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub(super) fn permits(&self, workers: usize) -> Result<usize> {
        let wrong = |what: &str| {
            Error::new(ErrorKind::InvalidArgument, what)
                .operation("work queue")
                .with("workers", workers)
                .with("concurrency", self.concurrency)
        };
        let tasks = workers.saturating_mul(self.concurrency);
        if tasks == 0 || tasks > MOST {
            return Err(wrong("workers times concurrency must be 1 to 10000"));
        }
        if self.max_running == 0 {
            return Err(wrong("at least one task must be allowed to run"));
        }
        Ok(tasks.min(self.max_running))
    }
}

impl WorkerPoolBuilder {
    pub(super) fn new(queue: WorkQueue, workers: usize) -> Self {
        Self {
            queue,
            settings: Settings {
                workers,
                concurrency: 1,
                max_running: MOST,
                rate: None,
                tenant_rate: None,
                shares: Vec::new(),
                retry: RetryPolicy::default(),
                handler_timeout: None,
                prefetch: 128,
                lease: Duration::from_secs(30),
                drain_timeout: Duration::from_secs(20),
                look_every: Duration::from_secs(1),
            },
            cancel: CancellationToken::new(),
        }
    }

    /// How many tasks each worker runs at a time; workers times this is 10 000 at most. Default: 1.
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.settings.concurrency = tasks;
        self
    }

    /// How many tasks of the queue run at a time in this pool, however many workers there are.
    /// Default: as many as they can.
    pub fn max_running(mut self, tasks: usize) -> Self {
        self.settings.max_running = tasks;
        self
    }

    /// How many tasks may begin in a time, of all tenants together. A retry counts as one more.
    pub fn rate(mut self, rate: Rate) -> Self {
        self.settings.rate = Some(rate);
        self
    }

    /// How many tasks of each tenant may begin in a time.
    pub fn tenant_rate(mut self, rate: Rate) -> Self {
        self.settings.tenant_rate = Some(rate);
        self
    }

    /// How many turns a tenant has where others have one, at least 1. It counts for tenants that have
    /// a topic of their own.
    pub fn share(mut self, tenant: impl Into<String>, turns: u32) -> Self {
        self.settings.shares.push((tenant.into(), turns));
        self
    }

    /// When failed tasks are tried again. Default: [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// How long a handler may run, from its turn; longer is a failed attempt. One that blocks its
    /// thread runs on all the same, and keeps its place until it ends. Default: for ever.
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.settings.handler_timeout = Some(timeout);
        self
    }

    /// How many tasks of each tenant may wait in this process. Where tasks take long, fewer leave
    /// more to other processes. Default: 128.
    pub fn prefetch(mut self, tasks: usize) -> Self {
        self.settings.prefetch = tasks;
        self
    }

    /// How long a task is this process' own without a sign of life: so long after a process was
    /// killed its tasks go to others. Default: 30 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// How long [`shutdown`](WorkerPool::shutdown) waits for handlers. Default: 20 s.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.settings.drain_timeout = timeout;
        self
    }

    /// How often tenants are looked for that are new, at least 10 ms. Where the backend has live
    /// announcements they are found at once. A look costs one call of
    /// [`Broker::topic_names`](glmsg_broker::Broker::topic_names). Default: 1 s.
    pub fn look_every(mut self, interval: Duration) -> Self {
        self.settings.look_every = interval;
        self
    }

    /// Begins to drain when `token` is cancelled.
    pub fn cancel_on(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Starts the workers. When this returns they run: the tenants there are have their consumers.
    ///
    /// `Ok` means done. An `Err`, a panic and a time-out are failed attempts. The work must not
    /// block its thread; for work that does there is [`start_blocking`](Self::start_blocking).
    ///
    /// # Cancel safety
    /// What had begun is drained in the background.
    ///
    /// # Errors
    /// `InvalidArgument` for a bound that is not valid; what keeps the queue from being subscribed
    /// to.
    pub async fn start<F, Fut, O>(self, handler: F) -> Result<WorkerPool>
    where
        F: Fn(Job) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = std::result::Result<O, HandlerError>> + Send,
        O: IntoOutput,
    {
        self.launch(Async(handler)).await
    }

    /// Starts workers whose handler is a plain function that may block: it runs on a thread of its
    /// own, of which tokio keeps 512 unless it is told otherwise, and not on the event loop.
    ///
    /// # Cancel safety
    /// As [`start`](Self::start).
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_blocking<F, O>(self, handler: F) -> Result<WorkerPool>
    where
        F: Fn(Job) -> std::result::Result<O, HandlerError> + Send + Sync + 'static,
        O: IntoOutput,
    {
        self.launch(Blocking(Arc::new(handler))).await
    }

    async fn launch<R: Run>(self, run: R) -> Result<WorkerPool> {
        let (queue, settings) = (self.queue, self.settings);
        let permits = settings.permits(settings.workers)?;
        if settings.look_every < Duration::from_millis(10) {
            let what = "tenants are looked for every 10 ms at most";
            return Err(Error::new(ErrorKind::InvalidArgument, what).operation("work queue"));
        }
        // Checked once for all.
        settings.tenant_rate.map(Rate::limiter).transpose()?;
        let gate = Gate::new(permits);
        let timeout = settings.handler_timeout;
        let mut desk = Desk::new(gate.clone(), settings.concurrency, settings.lease, timeout);
        desk.rate = settings.rate.map(Rate::limiter).transpose()?;
        if queue.broker.capability().storage {
            desk.storage = Some(queue.broker.open_storage().await?);
        }
        desk.hire(settings.workers);
        let desk = Arc::new(desk);
        let mut shares = Shares::default();
        for (tenant, turns) in &settings.shares {
            shares.0.insert(queue.tenants.own_topic(tenant)?, *turns);
        }
        let shares = Arc::new(shares);
        let draining = self.cancel.child_token();
        let tenants = TopicPattern::new(format!("{}.*", queue.name))?;
        let search = Search {
            every: settings.look_every,
            hints: hint::pattern(&tenants)?,
            always: vec![queue.name.clone()],
        };
        let crew = Arc::new(Crew {
            queue: queue.clone(),
            settings: settings.clone(),
            shares: shares.clone(),
            lanes: Lanes::new(gate),
            desk: desk.clone(),
            run: Arc::new(run),
            draining: draining.clone(),
        });
        let fleet = Fleet::launch(queue.broker.clone(), crew, search, draining).await?;
        Ok(WorkerPool::new(queue.name, settings, shares, desk, fleet))
    }
}

/// How many turns topics have in a round, where it is not one.
#[derive(Debug, Default)]
pub(super) struct Shares(HashMap<TopicName, u32>);

impl Shares {
    fn of(&self, topic: &TopicName) -> u32 {
        self.0.get(topic).copied().unwrap_or(1).max(1)
    }

    /// How many workers a topic's consumer has: as many as there are permits, so that a tenant that
    /// is alone can have them all; and for each turn beyond the first one that waits meanwhile.
    pub(super) fn workers(&self, topic: &TopicName, permits: usize) -> usize {
        let beyond = usize::try_from(self.of(topic) - 1).unwrap_or(MOST);
        permits.saturating_add(beyond).min(MOST)
    }
}

/// Makes the consumers of a pool, one for each tenant.
struct Crew<R> {
    queue: WorkQueue,
    settings: Settings,
    shares: Arc<Shares>,
    lanes: Lanes,
    desk: Arc<Desk>,
    run: Arc<R>,
    draining: CancellationToken,
}

impl<R: Run> Outfit for Crew<R> {
    fn wants(&self, topic: &TopicName) -> bool {
        self.queue.tenants.owns(topic)
    }

    async fn existing(&self) -> Result<StartFrom> {
        // Whatever was submitted before there was a worker is to be done.
        Ok(StartFrom::Earliest)
    }

    async fn start(&self, topic: TopicName, from: StartFrom) -> Result<ConsumerHandle> {
        let settings = &self.settings;
        let workers = self.shares.workers(&topic, self.lanes.gate().permits());
        let worker = Worker {
            desk: self.desk.clone(),
            lane: self.lanes.open(&topic, self.shares.of(&topic)),
            rate: settings.tenant_rate.map(Rate::limiter).transpose()?,
            run: self.run.clone(),
        };
        let group = self.queue.group.clone();
        let started = Consumer::new(self.queue.broker.clone(), topic.clone(), group)
            .workers(workers)
            .prefetch(settings.prefetch)
            .lease(settings.lease)
            .retry(settings.retry.clone())
            .drain_timeout(settings.drain_timeout)
            .start_from(from)
            .cancel_on(self.draining.clone())
            .start(worker)
            .await;
        started.inspect_err(|_| self.lanes.close(&topic))
    }

    fn ended(&self, topic: &TopicName) {
        self.lanes.close(topic);
    }
}

impl fmt::Debug for WorkerPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPoolBuilder")
            .field("queue", &self.queue)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
