//! The way to the writer: what tasks hand over, and the thread takes together.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_core::{Error, Result};
use tokio::sync::oneshot;

use crate::error::{Failure, Outcome, Sql, closed};
use crate::wake::Fetch;
use crate::writer::Store;

/// What the writer does in a transaction.
pub(crate) trait Job: Send {
    /// Does it. An error fails the transaction; a refusal is kept for the answer.
    fn run(&mut self, store: &mut Store) -> Sql<()>;
    /// Answers, after the commit or with what failed.
    fn answer(self: Box<Self>, failure: Option<&Error>);
    /// Roughly how many rows it touches.
    fn weight(&self) -> usize;
}

/// A job and where its answer goes.
struct Call<T, F> {
    run: F,
    weight: usize,
    outcome: Option<Result<T>>,
    reply: Option<oneshot::Sender<Result<T>>>,
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnMut(&mut Store) -> Outcome<T> + Send,
{
    fn run(&mut self, store: &mut Store) -> Sql<()> {
        let outcome = match (self.run)(store) {
            Ok(value) => Ok(value),
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Sql(error)) => return Err(error),
        };
        self.outcome = Some(outcome);
        Ok(())
    }

    fn answer(mut self: Box<Self>, failure: Option<&Error>) {
        let outcome = match (failure, self.outcome.take()) {
            // What was refused had no part in what failed.
            (None, Some(outcome)) | (Some(_), Some(outcome @ Err(_))) => outcome,
            (Some(error), _) => Err(error.duplicate()),
            (None, None) => return,
        };
        if let Some(reply) = self.reply.take() {
            // Nobody may be waiting any more.
            let _ = reply.send(outcome);
        }
    }

    fn weight(&self) -> usize {
        self.weight
    }
}

pub(crate) enum Command {
    Job(Box<dyn Job>),
    Fetch(Fetch),
}

impl Command {
    fn weight(&self) -> usize {
        match self {
            Self::Job(job) => job.weight(),
            Self::Fetch(fetch) => fetch.max,
        }
    }
}

#[derive(Default)]
struct State {
    commands: VecDeque<Command>,
    /// The writer waits.
    is_idle: bool,
    /// The clock was moved by hand.
    is_ticked: bool,
    /// Nothing is accepted any more; the writer ends when it has done what is here.
    is_closing: bool,
}

/// What the writer takes at a time.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) commands: Vec<Command>,
    pub(crate) is_ticked: bool,
    pub(crate) is_closing: bool,
}

/// Commands for the writer, in the order they came.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over a command; given back if the store is closed.
    pub(crate) fn push(&self, command: Command) -> Result<(), Command> {
        let mut state = self.lock();
        if state.is_closing {
            return Err(command);
        }
        state.commands.push_back(command);
        let is_idle = std::mem::take(&mut state.is_idle);
        drop(state);
        // A writer at work looks for itself: no system call for it.
        if is_idle {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Tells the writer that the clock was moved.
    pub(crate) fn tick(&self) {
        self.lock().is_ticked = true;
        self.wake.notify_one();
    }

    /// Accepts nothing more.
    pub(crate) fn close(&self) {
        self.lock().is_closing = true;
        self.wake.notify_one();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.lock().is_closing
    }

    /// `true` if there are commands.
    pub(crate) fn has_commands(&self) -> bool {
        !self.lock().commands.is_empty()
    }

    /// How many commands there are; as many as anybody could want when it is closing.
    pub(crate) fn len(&self) -> usize {
        let state = self.lock();
        if state.is_closing {
            return usize::MAX;
        }
        state.commands.len()
    }

    /// `true` if something waits for the writer.
    pub(crate) fn is_waited_for(&self) -> bool {
        let state = self.lock();
        !state.commands.is_empty() || state.is_ticked || state.is_closing
    }

    /// Waits for commands, at most for `timeout`, and takes what is there: together up to about
    /// `weight`, and at least one.
    pub(crate) fn take(&self, timeout: Option<Duration>, weight: usize) -> Taken {
        let mut state = self.lock();
        if state.commands.is_empty() && !state.is_ticked && !state.is_closing {
            state.is_idle = true;
            state = match timeout {
                Some(timeout) => {
                    let waited = self.wake.wait_timeout(state, timeout);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
            };
            state.is_idle = false;
        }
        let mut taken = Taken {
            commands: Vec::new(),
            is_ticked: std::mem::take(&mut state.is_ticked),
            is_closing: state.is_closing,
        };
        let mut left = weight;
        while let Some(next) = state.commands.front() {
            let weight = next.weight().max(1);
            if weight > left && !taken.commands.is_empty() {
                break;
            }
            left = left.saturating_sub(weight);
            taken.commands.extend(state.commands.pop_front());
        }
        taken
    }
}

/// A share in the writer: it goes on as long as somebody has one.
pub(crate) struct Handle {
    queue: Arc<Queue>,
}

impl Handle {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Has the writer run `run` in a transaction, and gives what it gave after the commit. `run`
    /// may be run again if the transaction failed because of something else.
    pub(crate) async fn call<T, F>(&self, weight: usize, run: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Store) -> Outcome<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Call {
            run,
            weight,
            outcome: None,
            reply: Some(reply),
        });
        self.queue.push(Command::Job(job)).map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// The same without an answer.
    pub(crate) fn send<F>(&self, run: F)
    where
        F: FnMut(&mut Store) -> Outcome<()> + Send + 'static,
    {
        // A closed store has nothing to be told.
        let _ = self.queue.push(Command::Job(silent(run)));
    }
}

/// A job that nobody waits for.
pub(crate) fn silent<F>(run: F) -> Box<dyn Job>
where
    F: FnMut(&mut Store) -> Outcome<()> + Send + 'static,
{
    Box::new(Call {
        run,
        weight: 1,
        outcome: None,
        reply: None,
    })
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
    }
}
