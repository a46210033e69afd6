//! One transaction: begun with patience, committed or taken back, and what a failure means.

use std::time::{Duration, Instant};

use glmsg_core::Error;

use super::Writer;
use super::store::Store;
use crate::connection::Patience;
use crate::error::{Sql, from_sqlite, indeterminate, is_busy, is_fatal, poisoned};
use crate::queue::Job;

/// How long a lock is waited for once the broker is being closed: an operator who only looks must
/// not wait for somebody else's transaction to get the prompt back.
const LEAVING: Duration = Duration::from_secs(1);

/// Why a transaction was not committed.
pub(super) struct TransactionFailure {
    pub(super) error: Error,
    /// It would fail for each of its jobs alone, too.
    pub(super) is_shared: bool,
}

impl Writer {
    /// Runs the jobs, and the fetches that may find something now, in one transaction. The fetches
    /// that did are answered; the jobs are not.
    pub(super) fn transact(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), TransactionFailure> {
        let patience = Patience::new(self.config.busy_timeout);
        let is_first = self.store.is_new();
        let queue = std::sync::Arc::clone(&self.queue);
        let mut closing_since = None;
        let is_leaving = || {
            let is_closing = queue.is_closing();
            is_closing && closing_since.get_or_insert_with(Instant::now).elapsed() > LEAVING
        };
        let begun = patience.insist_unless(|| self.store.begin(), is_leaving);
        match begun {
            Ok(true) if !is_first => {
                self.neighbour_at = Some(Instant::now());
                self.lot.refresh_all();
            }
            Ok(_) => {}
            Err(error) => return Err(self.give_up(error, true)),
        }
        // Not before: the lock may have been waited for.
        self.store.now = self.clock.now();
        if let Err(error) = self.run_all(jobs) {
            return Err(self.give_up(error, false));
        }
        if let Err(error) = self.store.commit() {
            return Err(self.give_up_commit(error));
        }
        self.lot.hand_out(&self.queue);
        Ok(())
    }

    fn run_all(&mut self, jobs: &mut [Box<dyn Job>]) -> Sql<()> {
        for job in jobs {
            job.run(&mut self.store)?;
        }
        self.lot.look(&mut self.store)?;
        self.store.do_chores()?;
        self.store.flush()
    }

    /// Before the commit nothing is on the disk: taken back, nothing has happened.
    fn give_up(&mut self, error: rusqlite::Error, is_shared: bool) -> TransactionFailure {
        let fatal = is_fatal(&error);
        let is_clean = self.store.roll_back();
        self.lot.take_back();
        let mut error = from_sqlite(error);
        self.lot.fail_culprit(&error);
        if fatal || !is_clean {
            error = poisoned(&error);
            self.status.set_poison(error.duplicate());
        }
        TransactionFailure { error, is_shared }
    }

    /// A commit that failed may be on the disk, unless what failed says that it is not.
    fn give_up_commit(&mut self, error: rusqlite::Error) -> TransactionFailure {
        use rusqlite::ErrorCode::DiskFull;
        let is_known = is_busy(&error) || error.sqlite_error_code() == Some(DiskFull);
        if is_known && self.store.roll_back() {
            self.lot.take_back();
            return TransactionFailure {
                error: from_sqlite(error),
                is_shared: false,
            };
        }
        let error = from_sqlite(error);
        self.status.set_poison(poisoned(&error));
        self.store.roll_back();
        let error = indeterminate(&error);
        self.lot.take_back();
        self.lot.fail_all(&error);
        TransactionFailure {
            error,
            is_shared: true,
        }
    }
}

impl Store {
    /// `true` if something is to be done that nobody waits for.
    pub(super) fn has_chores(&self) -> bool {
        self.has_garbage || !self.leftovers.is_empty()
    }

    /// Leaves it until something else happens.
    pub(super) fn put_off_chores(&mut self) {
        self.has_garbage = false;
        self.leftovers.clear();
    }

    /// Does a piece of what nobody waits for.
    pub(super) fn do_chores(&mut self) -> Sql<()> {
        if self.has_garbage {
            self.clear_garbage()?;
        }
        if let Some(topic) = self.leftovers.pop_first()
            && self.load_topic(topic)?
        {
            self.tick(topic)?;
        }
        Ok(())
    }

    /// Copies the log into the file, and empties it, if nobody else is about.
    pub(super) fn checkpoint(&self) -> Sql<()> {
        self.conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}
