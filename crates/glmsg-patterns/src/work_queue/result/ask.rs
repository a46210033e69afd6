//! Asking for a task.

use std::time::Duration;

use glmsg_broker::{DeadLetterQuery, DeadLetterSelector};
use glmsg_core::{DeadLetter, Error, ErrorKind, Message, Result};
use tokio::time::{Instant, sleep, timeout_at};

use super::super::{TaskRef, WorkQueue};
use super::{Record, read};

/// The first pause between two looks for a result; each is twice the one before, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(250);
/// How often the dead letters are looked at while a task is not done.
const DEAD_EVERY: Duration = Duration::from_secs(1);

/// Where a task stands.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// It waits for a worker: for the first time, or again after an attempt that failed.
    Waiting,
    /// A worker has begun it.
    Running,
    /// It is done.
    Done,
    /// It is a dead letter: see [`Broker::dead_letters`](glmsg_broker::Broker::dead_letters) and
    /// [`Broker::redrive`](glmsg_broker::Broker::redrive).
    Dead,
}

impl TaskState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    pub(super) fn from_str(text: &str) -> Option<Self> {
        let all = [Self::Waiting, Self::Running, Self::Done, Self::Dead];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// How far a task is.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct TaskStatus {
    /// Where it stands.
    pub state: TaskState,
    /// Which attempt that is of; 0 before the first.
    pub attempt: u32,
    /// How much is done, from 0 to 1, as its handler told.
    pub progress: f32,
    /// What its handler told in words; why the last attempt failed; why it is dead.
    pub note: String,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskEnd {
    /// It is done. The message's payload is what its handler gave: `decode` it, where it is typed.
    Done(Message),
    /// It is a dead letter.
    Dead(Box<DeadLetter>),
}

impl WorkQueue {
    /// How far a task is whose result is [kept](super::super::Task::keep_result).
    ///
    /// # Errors
    /// `Unsupported` where the backend has no storage; of the connection or store.
    pub async fn status(&self, task: &TaskRef) -> Result<TaskStatus> {
        let storage = self.broker.open_storage().await?;
        let record = read(&storage, task).await?;
        if let Some(done) = record.as_ref().filter(|r| r.state == TaskState::Done) {
            return Ok(status(done));
        }
        if let Some(dead) = self.dead(task).await? {
            let progress = record.map_or(0.0, |record| record.progress);
            return Ok(TaskStatus {
                state: TaskState::Dead,
                attempt: dead.attempts,
                progress,
                note: format!("{}: {}", dead.reason, dead.detail),
            });
        }
        let waiting = TaskStatus {
            state: TaskState::Waiting,
            attempt: 0,
            progress: 0.0,
            note: String::new(),
        };
        Ok(record.as_ref().map_or(waiting, status))
    }

    /// Waits until a task has ended whose result is [kept](super::super::Task::keep_result): until
    /// it is done, or a dead letter. It looks every 10 ms at first, later every 250 ms; for dead
    /// letters every second.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing; ask again.
    ///
    /// # Errors
    /// `Timeout` if it has not ended by then, and also for a task nothing is kept of, or no longer;
    /// `Unsupported` where the backend has no storage; of the connection or store.
    pub async fn result(&self, task: &TaskRef, timeout: Duration) -> Result<TaskEnd> {
        // Too long for the clock is a year.
        let year = Duration::from_secs(365 * 24 * 3600);
        let deadline = Instant::now() + timeout.min(year);
        match timeout_at(deadline, self.ended(task)).await {
            Ok(ended) => ended,
            Err(_) => Err(self.unknown_after(task, timeout).await?),
        }
    }

    /// Why nothing is known of a task for so long.
    async fn unknown_after(&self, task: &TaskRef, waited: Duration) -> Result<Error> {
        let storage = self.broker.open_storage().await?;
        let error = match read(&storage, task).await? {
            Some(record) => {
                let state = record.state.as_str();
                Error::new(ErrorKind::Timeout, format!("the task is {state} after {waited:?}"))
                    .remedy("ask again; it goes on")
            }
            None => Error::new(
                ErrorKind::Timeout,
                format!("nothing was heard of the task for {waited:?}"),
            )
            .remedy(
                "see that a pool of this queue runs and that the task was submitted with keep_result, \
                 which has not run out; if so, ask again",
            ),
        };
        Ok(error.operation("result").with("task", task))
    }

    async fn ended(&self, task: &TaskRef) -> Result<TaskEnd> {
        let storage = self.broker.open_storage().await?;
        let mut pause = FIRST_PAUSE;
        let mut dead_at = Instant::now() + DEAD_EVERY;
        loop {
            if let Some(record) = read(&storage, task).await?
                && record.state == TaskState::Done
            {
                return Ok(TaskEnd::Done(record.output));
            }
            if dead_at <= Instant::now() {
                if let Some(dead) = self.dead(task).await? {
                    return Ok(TaskEnd::Dead(Box::new(dead)));
                }
                dead_at = Instant::now() + DEAD_EVERY;
            }
            sleep(pause).await;
            pause = (2 * pause).min(LAST_PAUSE);
        }
    }

    /// Its dead letter, if it is one.
    async fn dead(&self, task: &TaskRef) -> Result<Option<DeadLetter>> {
        let query = DeadLetterQuery::new(task.topic.clone(), self.group.clone());
        let query = query
            .selector(DeadLetterSelector::Ids(vec![task.id]))
            .limit(1);
        match self.broker.dead_letters(&query).await {
            Ok(page) => Ok(page.items.into_iter().next()),
            // No worker has been there yet.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn status(record: &Record) -> TaskStatus {
    TaskStatus {
        state: record.state,
        attempt: record.attempt,
        progress: record.progress,
        note: record.note.clone(),
    }
}
