//! Tasks that are shared by workers.

mod blocking;
mod builder;
mod job;
mod pool;
mod rate;
mod result;
mod submit;
mod task;
mod tenants;
mod worker;

use std::fmt;
use std::sync::Arc;

use glmsg_broker::{Broker, Lag};
use glmsg_core::{Error, ErrorKind, GroupName, Message, Result, TopicName};

pub use builder::WorkerPoolBuilder;
pub use job::{IntoOutput, Job};
pub use pool::{WorkerPool, WorkerPoolStats, WorkerStats};
pub use rate::Rate;
pub use result::{TaskEnd, TaskState, TaskStatus};
pub use task::{Task, TaskRef};

use crate::hint::Hinter;
use tenants::Tenants;

/// A queue of tasks: each is handled by one of the workers, wherever they run.
///
/// - **Nothing is lost.** A task is acked when its handler has returned `Ok`. One that fails is
///   retried and ends as a dead letter; one whose process is killed goes to another when its lease
///   has run out. A task can run twice, so a handler should be idempotent.
/// - **Fair shares.** A task may belong to a tenant. Tenants that have tasks waiting have their
///   turns one after the other, so one's backlog does not hold up another's.
/// - **Results.** A task that asks for it leaves its progress and its result, for whoever holds its
///   [`TaskRef`], in this process or another.
///
/// # Tenants
/// Each tenant has a topic of its own, `<queue>.t-<tenant>`, for as many tenants as
/// [`max_tenants`](Self::max_tenants) says (64). What comes beyond shares sixteen further topics,
/// by the hash of its name: each of these has its turn as a tenant has, and within one the order
/// is that of arrival. Topics under the queue's name belong to the queue.
///
/// A clone is the same queue.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> glmsg_core::Result<()> {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use glmsg_broker::Broker;
/// use glmsg_core::Priority;
/// use glmsg_patterns::work_queue::{Job, TaskEnd, WorkQueue};
/// # use glmsg_memory::{MemoryBroker, MemoryConfig};
/// # let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::new(MemoryConfig::default()));
///
/// let queue = WorkQueue::new(broker, "reports")?;
/// let pool = queue
///     .workers(4)
///     .start(|job: Job| async move {
///         job.progress(0.5, "half of it").await?;
///         Ok(format!("a report of {} bytes", job.payload().len()))
///     })
///     .await?;
///
/// let task = queue.task().payload("sales").tenant("acme").priority(Priority::High);
/// let task = queue.submit(task.keep_result(Duration::from_secs(3600))).await?;
/// match queue.result(&task, Duration::from_secs(30)).await? {
///     TaskEnd::Done(output) => assert_eq!(output.payload(), "a report of 5 bytes"),
///     other => panic!("{other:?}"),
/// }
/// pool.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WorkQueue {
    broker: Arc<dyn Broker>,
    name: TopicName,
    group: GroupName,
    tenants: Arc<Tenants>,
    hinter: Arc<Hinter>,
}

/// How far the workers are behind one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantLag {
    /// The tenant's topic; that of the queue itself for tasks without a tenant.
    pub topic: TopicName,
    /// What waits there. Nothing has been delivered where no worker has been yet.
    pub lag: Lag,
}

impl WorkQueue {
    /// The queue `name` on `broker`. Nothing is made before a task is submitted or a worker starts.
    ///
    /// # Errors
    /// `InvalidArgument` if the name is no name of a topic.
    pub fn new<N>(broker: Arc<dyn Broker>, name: N) -> Result<Self>
    where
        N: TryInto<TopicName>,
        Error: From<N::Error>,
    {
        let name = name.try_into()?;
        Ok(Self {
            tenants: Arc::new(Tenants::new(name.clone(), 64)),
            group: GroupName::new("workers")?,
            hinter: Arc::default(),
            broker,
            name,
        })
    }

    /// The group whose members its workers are. Every group handles every task once more. Default:
    /// `workers`.
    #[must_use]
    pub fn group(mut self, group: GroupName) -> Self {
        self.group = group;
        self
    }

    /// How many tenants have a topic of their own, at most 10 000; those beyond share. Each costs
    /// every process of workers a subscription. All who submit should say the same. Default: 64.
    #[must_use]
    pub fn max_tenants(mut self, tenants: usize) -> Self {
        let most = tenants.min(10_000);
        self.tenants = Arc::new(Tenants::new(self.name.clone(), most));
        self
    }

    /// The queue's name, which is the topic of tasks without a tenant.
    pub fn name(&self) -> &TopicName {
        &self.name
    }

    /// A new task for this queue, to be filled and [submitted](Self::submit).
    pub fn task(&self) -> Task {
        Task::new(Message::builder(self.name.clone()))
    }

    /// A pool of so many workers in this process, 1 to 10 000, to be set up further and
    /// [started](WorkerPoolBuilder::start).
    pub fn workers(&self, workers: usize) -> WorkerPoolBuilder {
        WorkerPoolBuilder::new(self.clone(), workers)
    }

    /// How far the workers are behind, tenant by tenant, over all processes.
    ///
    /// # Errors
    /// Of the connection or store.
    pub async fn lag(&self) -> Result<Vec<TenantLag>> {
        let mut lags = Vec::new();
        for info in self.broker.topics().await? {
            if !self.tenants.owns(&info.name) {
                continue;
            }
            let topic = info.name;
            match self.broker.lag(&topic, &self.group).await {
                Ok(lag) => lags.push(TenantLag { topic, lag }),
                // No worker has been there yet: everything waits.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let lag = Lag {
                        undelivered: info.messages.saturating_sub(info.scheduled),
                        ..Lag::default()
                    };
                    lags.push(TenantLag { topic, lag });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(lags)
    }

    /// Deletes a tenant's topic, with the tasks that wait there and its dead letters, and so makes
    /// room for another tenant. `false` if it had none of its own.
    ///
    /// # Errors
    /// Of the connection or store.
    pub async fn remove_tenant(&self, tenant: &str) -> Result<bool> {
        let topic = self.tenants.own_topic(tenant)?;
        self.tenants.forget(tenant);
        match self.broker.delete_topic(&topic).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for WorkQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkQueue")
            .field("name", &self.name)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
