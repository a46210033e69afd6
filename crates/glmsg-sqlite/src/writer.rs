//! The one thread that writes: it takes what waits, does it in one transaction, and answers when
//! the commit is on the disk.

mod bury;
mod candidate;
mod fetch;
mod gather;
mod glance;
mod group;
mod keys;
mod parking;
mod redrive;
mod retention;
mod schedule;
mod search;
mod settle;
mod status;
mod storage;
mod store;
mod store_message;
mod topic;
mod topology;
mod transaction;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use glmsg_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

use crate::SqliteConfig;
use crate::clock::GuardedClock;
use crate::connection::InUse;
use crate::error::from_sqlite;
use crate::queue::{Command, Job, Queue};

pub(crate) use group::{BLOCKED_NEW, BLOCKED_WAITING, LEASED, READY, WAITING, ordering};
pub(crate) use redrive::Piece;
pub(crate) use status::Status;
pub(crate) use store::Store;
pub(crate) use topic::{micros, read_config};
pub(crate) use topology::Joined;

use gather::Gathering;
use parking::Lot;
use status::Ending;

/// About how many rows one transaction touches.
const WEIGHT: usize = 2048;
/// How often what is stale is looked for.
const STALE_EVERY: Duration = Duration::from_secs(30);
/// How long another process counts as writing after it was seen to.
const NEIGHBOUR: Duration = Duration::from_millis(100);
/// What is left to a writing neighbour after a commit.
const GAP: Duration = Duration::from_micros(400);

/// The writer's thread.
struct Writer {
    store: Store,
    queue: Arc<Queue>,
    clock: GuardedClock,
    status: Arc<Status>,
    config: SqliteConfig,
    lot: Lot,
    gathering: Gathering,
    /// When another process was last seen to write.
    neighbour_at: Option<Instant>,
    stale_at: Instant,
    /// Behind the connection: it must go after it.
    _in_use: Arc<InUse>,
}

/// Starts the thread.
pub(crate) fn start(
    conn: Connection,
    in_use: &Arc<InUse>,
    config: &SqliteConfig,
    clock: &GuardedClock,
    queue: &Arc<Queue>,
    status: &Arc<Status>,
) -> Result<()> {
    let in_use = Arc::clone(in_use);
    let (config, clock) = (config.clone(), clock.clone());
    let (queue, status) = (Arc::clone(queue), Arc::clone(status));
    let started = thread::Builder::new()
        .name("glmsg-sqlite".to_owned())
        .spawn(move || {
            let _ending = Ending::of(&queue, &status);
            let mut writer = Writer {
                store: Store::new(conn, config.topic.clone()),
                queue,
                clock,
                status,
                config,
                lot: Lot::default(),
                gathering: Gathering::default(),
                neighbour_at: None,
                stale_at: Instant::now(),
                _in_use: in_use,
            };
            writer.run();
            writer.end();
        });
    started.map(drop).map_err(|e| {
        Error::new(
            ErrorKind::Unavailable,
            "the writer's thread could not be started",
        )
        .operation("open")
        .source(e)
    })
}

impl Writer {
    fn run(&mut self) {
        loop {
            let taken = self.queue.take(self.patience(), WEIGHT);
            let mut jobs: Vec<Box<dyn Job>> = Vec::with_capacity(taken.commands.len());
            for command in taken.commands {
                match command {
                    Command::Job(job) => jobs.push(job),
                    Command::Fetch(fetch) => self.lot.park(fetch),
                }
            }
            if taken.is_closing && jobs.is_empty() && !self.queue.has_commands() {
                return;
            }
            if taken.is_ticked {
                self.lot.refresh_all();
            }
            self.lot.refresh_due(self.clock.now());
            self.look_at_others();
            let is_stale = self.stale_at.elapsed() >= STALE_EVERY;
            if jobs.is_empty() && !self.store.has_chores() && !is_stale {
                let is_first = self.store.is_new();
                if self.lot.glance(&mut self.store, self.clock.now()) && !is_first {
                    self.neighbour_at = Some(Instant::now());
                }
                if !self.lot.has_fresh() {
                    continue;
                }
            }
            if is_stale {
                self.stale_at = Instant::now();
                jobs.push(crate::queue::silent(|store| Ok(store.drop_stale()?)));
            }
            let answered = jobs.len();
            let weight = jobs.iter().map(|job| job.weight()).sum();
            self.work(jobs);
            self.gathering.gather(&self.queue, answered, weight);
            self.leave_gap();
        }
    }

    /// How long to wait for commands.
    fn patience(&self) -> Option<Duration> {
        if self.store.has_chores() || self.lot.has_fresh() {
            return Some(Duration::ZERO);
        }
        let mut patience = STALE_EVERY.saturating_sub(self.stale_at.elapsed());
        if !self.lot.is_empty() {
            patience = patience.min(self.config.poll);
            let due = self.lot.next_due().and_then(|due| self.clock.until(due));
            patience = due.map_or(patience, |due| patience.min(due));
        }
        Some(patience)
    }

    /// Looks whether another process has written something that somebody here waits for.
    fn look_at_others(&mut self) {
        if self.lot.is_empty() || self.lot.is_all_fresh() {
            return;
        }
        // A failure here shows again in the next transaction.
        if self.store.is_changed().unwrap_or(false) {
            self.lot.refresh_all();
        }
    }

    /// Does the jobs together; where that does not work, each alone.
    fn work(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        if let Some(poison) = self.status.poison() {
            for job in jobs {
                job.answer(Some(&poison));
            }
            self.lot.fail_all(&poison);
            return;
        }
        let failure = match self.transact(&mut jobs) {
            Ok(()) => {
                for job in jobs {
                    job.answer(None);
                }
                return;
            }
            Err(failure) => failure,
        };
        // What one of many did wrong is not the others' failure.
        if failure.is_shared || self.status.poison().is_some() {
            self.answer_failed(jobs, &failure.error);
            return;
        }
        if jobs.is_empty() {
            // Later is soon enough, or it would be tried again and again.
            self.store.put_off_chores();
        }
        for job in jobs {
            let mut alone = vec![job];
            match self.transact(&mut alone) {
                Ok(()) => alone.into_iter().for_each(|job| job.answer(None)),
                Err(failure) => {
                    alone
                        .into_iter()
                        .for_each(|job| job.answer(Some(&failure.error)));
                }
            }
        }
    }

    fn answer_failed(&mut self, jobs: Vec<Box<dyn Job>>, error: &Error) {
        for job in jobs {
            job.answer(Some(error));
        }
        self.lot.fail_fresh(error);
    }

    /// Another process that writes too gets its turn.
    fn leave_gap(&mut self) {
        let is_near = |at: Instant| at.elapsed() < NEIGHBOUR;
        if self.neighbour_at.is_some_and(is_near) && self.queue.is_waited_for() {
            thread::sleep(GAP);
        }
    }

    /// Leaves the file as it should be found.
    fn end(&mut self) {
        self.lot.fail_all(&crate::error::closed());
        if self.status.poison().is_some() {
            return;
        }
        if self.store.has_members() {
            let mut leaving = vec![crate::queue::silent(|store| Ok(store.leave_all()?))];
            if let Err(failure) = self.transact(&mut leaving) {
                let error = failure.error;
                tracing::debug!(%error, "members of this process stay until they are stale");
            }
        }
        if let Err(error) = self.store.checkpoint() {
            let error = from_sqlite(error);
            tracing::debug!(%error, "the log stays beside the file");
        }
    }
}
