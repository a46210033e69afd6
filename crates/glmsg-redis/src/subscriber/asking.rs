//! Asking the server that is under way.

use std::future;
use std::mem;
use std::pin::Pin;
use std::time::Duration;

use glmsg_core::Result;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::RedisSource;
use crate::broker::closed;
use crate::connection::Dedicated;
use crate::reading::{self, Batch};

/// How long a wait lasts at most. Leases of others that run out wake nobody.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// The most deliveries of one fetch.
const MOST: usize = 500;

pub(super) type Asked = (Option<Dedicated>, Result<Batch>);

/// Asking under way.
pub(super) enum Task {
    /// Goes on while somebody receives: what comes is handed out with no task between.
    Here(Pin<Box<dyn Future<Output = Asked> + Send>>),
    /// Goes on in any case.
    Apart(JoinHandle<Asked>),
}

impl Task {
    /// `None` if the runtime ends.
    pub(super) async fn end(&mut self) -> Option<Asked> {
        match self {
            Self::Here(task) => Some(task.await),
            Self::Apart(task) => task.await.ok(),
        }
    }
}

pub(super) struct Asking {
    pub(super) since: Instant,
    pub(super) task: Task,
    /// It waits on a connection of this number.
    pub(super) waits_on: Option<u64>,
    /// Others wait for what becomes of acks that go with it.
    pub(super) carries_acks: bool,
}

/// Asking that somebody waits for. When they give up, it goes on by itself if it carries acks.
struct Attended<'a>(&'a mut Option<Asking>);

impl Drop for Attended<'_> {
    fn drop(&mut self) {
        if let Some(Asking {
            task,
            carries_acks: true,
            ..
        }) = self.0
            && let Task::Here(here) = task
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let here = mem::replace(here, Box::pin(future::pending()));
            *task = Task::Apart(runtime.spawn(here));
        }
    }
}

impl RedisSource {
    /// How long a wait may last: leases of others that run out wake nobody, and our own must be
    /// known to run when something comes.
    fn longest_wait(&self) -> Duration {
        LONGEST_WAIT.min(self.lease / 4)
    }

    /// When the fetch step must look again.
    fn look_in(&self) -> Duration {
        let longest = self.longest_wait();
        let due = self.look.as_ref().and_then(|look| look.due_in);
        let at = self.looked_at + due.map_or(longest, |due| due.min(longest));
        at.saturating_duration_since(Instant::now())
    }

    /// Begins to ask for at most `max`.
    async fn begin(&mut self, max: usize) -> Result<()> {
        let max = max.min(MOST);
        let entries = self.entries_for(max);
        let (asker, look_in) = (self.asker.clone(), self.look_in());
        let since = Instant::now();
        let look = match &self.look {
            Some(look) if !self.must_look && !look_in.is_zero() => look,
            _ => {
                let (picks, doubt) = (self.picks, self.is_in_doubt);
                // What only looks now and then leaves it to one member to look for all.
                let is_routine = self.look.is_some() && !self.must_look && !self.is_small(max);
                let thorough = doubt || self.was_refused || !is_routine;
                let most = (max, entries);
                let task = async move {
                    let looked = reading::look(asker, picks, most, doubt, thorough);
                    (None, looked.await)
                };
                self.asking = Some(Asking {
                    since,
                    // Apart, as what it holds of the shared connection others wait for.
                    task: Task::Apart(tokio::spawn(task)),
                    waits_on: None,
                    carries_acks: false,
                });
                return Ok(());
            }
        };
        let behind = look.behind.clone();
        // The bell tells one member of a lane that gets its first; in small receives none may miss it.
        let lanes = if self.is_small(max) {
            [true; 4]
        } else {
            look.lanes()
        };
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let group = &self.asker.settler.group;
                self.asker.settler.shared.link.dedicated(group.slot).await?
            }
        };
        let waits_on = Some(connection.client_id());
        let mut carries_acks = false;
        let task = if asker.settler.group.is_by_key {
            Task::Here(Box::pin(reading::wait(asker, connection, look_in, behind)))
        } else {
            let acks = asker.settler.take_acks();
            carries_acks = acks.is_some();
            let task = reading::read(asker, connection, acks, look_in, (entries, lanes));
            Task::Here(Box::pin(task))
        };
        self.asking = Some(Asking {
            since,
            task,
            waits_on,
            carries_acks,
        });
        Ok(())
    }

    /// Asks, and keeps what comes.
    pub(super) async fn ask(&mut self, max: usize) -> Result<()> {
        if self.asking.is_none() {
            self.begin(max).await?;
        }
        let attended = Attended(&mut self.asking);
        let Some(asking) = attended.0 else {
            return Ok(());
        };
        let since = asking.since;
        let asked = asking.task.end().await;
        *attended.0 = None;
        drop(attended);
        let Some((connection, batch)) = asked else {
            return Err(closed());
        };
        if connection.is_some() {
            self.connection = connection;
        }
        match batch {
            Ok(batch) => {
                self.keep(batch, since, max);
                Ok(())
            }
            Err(error) => {
                (self.must_look, self.is_in_doubt) = (true, true);
                Err(error)
            }
        }
    }
}
