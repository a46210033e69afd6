//! Publishes what is in an outbox.

mod rounds;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use glmsg_broker::{Broker, CancellationToken};
use glmsg_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::table;
use rounds::{Rounds, State};

/// Publishes the messages of an outbox, for as long as it runs; see the [module](super).
#[must_use = "a relay does nothing until it is started"]
pub struct OutboxRelay {
    path: PathBuf,
    broker: Arc<dyn Broker>,
    batch: usize,
    poll: Duration,
}

impl OutboxRelay {
    /// A relay of the outbox in the database at `path` to `broker`. It opens a connection of its
    /// own.
    pub fn new(path: impl AsRef<Path>, broker: Arc<dyn Broker>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            broker,
            batch: 256,
            poll: Duration::from_millis(20),
        }
    }

    /// How many messages are published together, 1 to 10 000. Default: 256.
    pub fn batch(mut self, messages: usize) -> Self {
        self.batch = messages;
        self
    }

    /// How often it looks whether another connection has committed something, 1 ms to 1 min. A look
    /// costs a few microseconds. Default: 20 ms. [`OutboxRelayHandle::wake`] makes it look at once.
    pub fn poll_every(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// Opens the database and begins to publish.
    ///
    /// # Errors
    /// `InvalidArgument` for a bound that makes no sense, `NotFound` if the file or the outbox is not
    /// there, and others of the database.
    pub async fn start(self) -> Result<OutboxRelayHandle> {
        let wrong = |what: &str| {
            Err(Error::new(ErrorKind::InvalidArgument, what).operation("outbox relay"))
        };
        if !(1..=10_000).contains(&self.batch) {
            return wrong("the batch must be 1 to 10000 messages");
        }
        if self.poll < Duration::from_millis(1) || self.poll > Duration::from_secs(60) {
            return wrong("it must look every 1 ms to 1 min");
        }
        let path = self.path;
        let db = rounds::blocking(move || {
            // Never makes a file: one that is not there is a mistake in the path.
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let open = || {
                let db = Connection::open_with_flags(&path, flags)?;
                db.busy_timeout(Duration::from_secs(5))?;
                Ok(db)
            };
            let db = open().map_err(|e| table::error(e, "relay").with("path", path.display()))?;
            table::next(&db, 1)?;
            Ok(db)
        })
        .await?;
        let shared = Arc::new(Shared::default());
        let rounds = Rounds {
            broker: self.broker,
            batch: self.batch,
            poll: self.poll,
            shared: shared.clone(),
        };
        let task = tokio::spawn(rounds.run(db));
        Ok(OutboxRelayHandle {
            shared,
            task: Some(task),
        })
    }
}

impl fmt::Debug for OutboxRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxRelay")
            .field("path", &self.path)
            .field("batch", &self.batch)
            .field("poll", &self.poll)
            .finish_non_exhaustive()
    }
}

/// What a relay has done.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxStats {
    /// Messages that the broker has stored.
    pub published: u64,
    /// Messages that it held already.
    pub duplicates: u64,
    /// Messages that it refused for good, which are parked.
    pub parked: u64,
    /// Rounds that failed and were tried again.
    pub retries: u64,
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) published: AtomicU64,
    pub(super) duplicates: AtomicU64,
    pub(super) parked: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) wake: Notify,
    pub(super) stop: CancellationToken,
    pub(super) state: watch::Sender<State>,
}

/// A running [`OutboxRelay`]. Dropping it stops it, in the background; what is not published yet
/// stays in the outbox.
#[must_use = "dropping the handle stops the relay"]
pub struct OutboxRelayHandle {
    shared: Arc<Shared>,
    task: Option<JoinHandle<Result<()>>>,
}

impl OutboxRelayHandle {
    /// Has it look at the outbox now: call it after a commit, where even the time of
    /// [`poll_every`](OutboxRelay::poll_every) is too long.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// What it has done.
    pub fn stats(&self) -> OutboxStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        OutboxStats {
            published: get(&self.shared.published),
            duplicates: get(&self.shared.duplicates),
            parked: get(&self.shared.parked),
            retries: get(&self.shared.retries),
        }
    }

    /// Waits until it has found the outbox empty, parked messages apart, after this call.
    ///
    /// # Errors
    /// `Closed` if it has ended before.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn drained(&self) -> Result<()> {
        let mut state = self.shared.state.subscribe();
        let began = state.borrow_and_update().looks;
        self.wake();
        // The look that is under way may have begun before.
        let drained = |state: &State| state.ended || (state.looks > began + 1 && state.empty);
        loop {
            if drained(&state.borrow_and_update()) {
                break;
            }
            self.wake();
            if state.changed().await.is_err() {
                break;
            }
        }
        match state.borrow().ended {
            true => Err(Error::new(ErrorKind::Closed, "the relay has ended")),
            false => Ok(()),
        }
    }

    /// Lets the round under way finish, and stops.
    ///
    /// # Errors
    /// What ended it before: the broker is closed, or the database fails for good.
    pub async fn shutdown(mut self) -> Result<()> {
        self.shared.stop.cancel();
        self.ended().await
    }

    /// Waits until it has ended, for use in a `select!` beside a signal. What ended it is told once.
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown).
    pub async fn ended(&mut self) -> Result<()> {
        let Some(task) = &mut self.task else {
            return Ok(());
        };
        let ended = task.await;
        self.task = None;
        ended.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Unexpected, "the relay's task died").source(error))
        })
    }
}

impl Drop for OutboxRelayHandle {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl fmt::Debug for OutboxRelayHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxRelayHandle")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
