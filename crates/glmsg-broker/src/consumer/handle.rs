//! Holding a running consumer.

use std::fmt;
use std::sync::Arc;

use glmsg_core::{Error, ErrorKind, Result};
use tokio::task::JoinHandle;

use super::builder::check_workers;
use super::shared::Shared;
use super::stats::{ConsumerReport, ConsumerStats, Ending};

/// A running [`Consumer`](crate::Consumer). Dropping it begins the drain, in the background.
#[must_use = "dropping the handle stops the consumer"]
pub struct ConsumerHandle {
    shared: Arc<Shared>,
    /// `None` once its end has been told.
    task: Option<JoinHandle<Ending>>,
}

impl ConsumerHandle {
    pub(super) fn new(shared: Arc<Shared>, task: JoinHandle<Ending>) -> Self {
        Self {
            shared,
            task: Some(task),
        }
    }

    /// What it has done and is doing.
    pub fn stats(&self) -> ConsumerStats {
        self.shared.stats()
    }

    /// `false` once it has ended.
    pub fn is_running(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.is_finished())
    }

    /// Changes how many messages are handled at a time. Fewer takes effect as handlers finish.
    ///
    /// # Errors
    /// `InvalidArgument` unless it is 1 to 10 000.
    pub fn set_workers(&self, workers: usize) -> Result<()> {
        check_workers(workers)?;
        self.shared.state().workers = workers;
        self.shared.work.notify_waiters();
        self.shared.pump.notify_one();
        Ok(())
    }

    /// Stops the intake until [`resume`](Self::resume): nothing is received, and what waits in this
    /// process goes back to the group at once, without counting an attempt. Handlers that run
    /// finish. It stays a member of its group. See also [`Gate`](crate::Gate).
    pub fn pause(&self) {
        self.shared.gates[0].close();
    }

    /// Receives again after a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.shared.gates[0].open();
    }

    /// Whether it receives nothing now: it was paused, or a gate before it is closed.
    pub fn is_paused(&self) -> bool {
        self.shared.limit() == 0
    }

    /// Drains: stops the intake, gives back what waits, lets running handlers finish within the
    /// drain time-out, and settles. When it returns, no handler runs any more.
    ///
    /// On a server the member then leaves in the background, with what came in the last moment.
    /// [`Broker::close`](crate::Broker::close) waits for that: call it before the process ends, or
    /// that much comes again only when the lease has run out.
    ///
    /// # Errors
    /// What ended the consumer before, or what kept it from settling.
    pub async fn shutdown(self) -> Result<ConsumerReport> {
        self.shared.draining.cancel();
        self.join().await
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// What ended it, other than being cancelled.
    pub async fn join(mut self) -> Result<ConsumerReport> {
        self.ended().await
    }

    /// Waits until it has ended, for use in a `select!` beside a signal. What ended it is told
    /// once; later calls return the report.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub async fn ended(&mut self) -> Result<ConsumerReport> {
        if let Some(task) = &mut self.task {
            let ending = task.await;
            self.task = None;
            ending.map_err(|error| {
                Error::new(ErrorKind::Unexpected, "the consumer's task died").source(error)
            })??;
        }
        Ok(self.shared.report())
    }
}

impl Drop for ConsumerHandle {
    fn drop(&mut self) {
        self.shared.draining.cancel();
    }
}

impl fmt::Debug for ConsumerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerHandle")
            .field("topic", &self.shared.options.topic)
            .field("group", &self.shared.options.group)
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}
