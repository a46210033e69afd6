//! A call: records that one caller sends, and waits for together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use glmsg_core::{Error, ErrorKind};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::state::Put;
use super::ticket::{Outcome, Ticket};
use super::{Failure, NewRecord, Shared, sender, unled};

/// How long a topic may be unknown to the cluster before it is taken for one that is not there: a
/// new one is known to some brokers before others.
pub(super) const UNKNOWN: Duration = Duration::from_secs(3);
/// How long to wait at first before asking a cluster again.
const PAUSE: Duration = Duration::from_millis(50);
/// After how long the partitions of a topic are asked for anew: there may be more.
const STALE: Duration = Duration::from_secs(300);

/// Codes of the cluster that say that it does not know a topic, or not yet who leads it.
const NOT_YET: [i16; 2] = [3, 5];

/// Records that one caller sends. What was put is sent, also if it is dropped.
#[derive(Debug)]
pub struct Call<'a> {
    shared: &'a Arc<Shared>,
    ticket: Arc<Ticket>,
    /// For how many more there is a place on the ticket.
    unused: u32,
    /// A broker whose task waits to hear that there is something.
    woken: Option<i32>,
    /// The time of its records.
    time: i64,
    now: Instant,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl<'a> Call<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, most: u32) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let time = since.map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        });
        Self {
            shared,
            // One more than there are, so that it is not done before all are put.
            ticket: Ticket::new(most + 1),
            unused: most,
            woken: None,
            time,
            now: Instant::now(),
        }
    }

    /// Where the records that follow come to stand is to be told.
    pub fn tell_places(&self) {
        self.ticket.wants_places.store(true, Ordering::Relaxed);
    }

    /// Puts a record into its partition's batch, and waits for room there is none. What becomes of it
    /// is told with this number.
    ///
    /// # Errors
    /// Why it cannot be sent.
    ///
    /// # Cancel safety
    /// A record whose future is dropped may be put, or not.
    pub async fn put(&mut self, index: u32, record: NewRecord<'_>) -> Result<(), Failure> {
        // Most are put at once.
        match self.try_put(index, &record) {
            Put::Done(woken) => {
                self.is_put(woken);
                Ok(())
            }
            found => Box::pin(self.put_later(found, index, record)).await,
        }
    }

    fn try_put(&self, index: u32, record: &NewRecord<'_>) -> Put {
        let settings = &self.shared.settings;
        let mut state = self.shared.state();
        state.put(
            settings,
            record,
            (&self.ticket, index),
            (self.now, self.time),
        )
    }

    fn is_put(&mut self, woken: Option<i32>) {
        self.unused -= 1;
        // Most calls go to one broker.
        if let Some(node) = woken
            && let Some(other) = self.woken.replace(node)
            && other != node
        {
            wake(self.shared, other);
        }
    }

    async fn put_later(
        &mut self,
        mut found: Put,
        index: u32,
        record: NewRecord<'_>,
    ) -> Result<(), Failure> {
        let until = Instant::now() + self.shared.settings.timeout;
        loop {
            match found {
                Put::Done(woken) => {
                    self.is_put(woken);
                    return Ok(());
                }
                Put::NoPartition => return Err(Failure::Refused(3)),
                Put::UnknownTopic => {
                    // What was put before does not wait for it.
                    self.wake();
                    learn(self.shared, record.topic, until).await?;
                }
                Put::NoRoom => {
                    // Room comes of what is sent, so it has to be.
                    self.wake();
                    self.wait_for_room(&record, until).await?;
                }
            }
            self.now = Instant::now();
            found = self.try_put(index, &record);
        }
    }

    async fn wait_for_room(&self, record: &NewRecord<'_>, until: Instant) -> Result<(), Failure> {
        let _crowd = InCrowd::new(self.shared);
        loop {
            // Before looking, so that no room comes in between.
            let room = self.shared.room.notified();
            if self
                .shared
                .state()
                .has_room(self.shared.settings.queue, record)
            {
                return Ok(());
            }
            // Who was to make some may have ended.
            revive(self.shared);
            if tokio::time::timeout_at(until, room).await.is_err() {
                let error = Error::new(
                    ErrorKind::Throttled,
                    "the client's queue is full and Kafka takes nothing from it",
                )
                .remedy("publish less at once, or see what is wrong with the cluster");
                return Err(Failure::Unsent(Arc::new(error)));
            }
        }
    }

    /// Lets tasks that wait know that there is something.
    fn wake(&mut self) {
        if let Some(node) = self.woken.take() {
            wake(self.shared, node);
        }
        revive(self.shared);
    }

    /// Waits for what becomes of all that was put.
    ///
    /// What was put is sent, also if the future is dropped.
    pub async fn finish(mut self) -> Outcome {
        self.wake();
        let unused = std::mem::take(&mut self.unused);
        self.ticket.count_down(unused + 1);
        while !self.ticket.is_done() {
            if revive(self.shared) {
                // A runtime that is ending drops the tasks at once, and ends only when whoever polls lets go.
                tokio::task::yield_now().await;
            }
            self.ticket.news().await;
        }
        self.ticket.take()
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.wake();
    }
}

/// Sees to it that a broker's task, or that of partitions without a leader, does what is due.
pub(super) fn wake(shared: &Arc<Shared>, node: i32) {
    let Some((lane, home)) = shared.state().wake(node) else {
        return;
    };
    let runtime = match home.ok_or_else(Handle::try_current) {
        Ok(home) => home,
        Err(Ok(here)) => {
            shared.state().settle_in(node, &here);
            here
        }
        // Outside of a runtime there is nothing to run it on: whoever waits for it is in one.
        Err(Err(_)) => return shared.leave(shared.state(), node, lane),
    };
    if node < 0 {
        runtime.spawn(unled::Unled::new(shared).run());
    } else {
        runtime.spawn(sender::Sender::new(shared, node, lane).run());
    }
}

/// Begins anew what has ended with its runtime. Whether there was anything.
pub(super) fn revive(shared: &Arc<Shared>) -> bool {
    // Hardly ever.
    if !shared.has_orphans.load(Ordering::Acquire) {
        return false;
    }
    shared.has_orphans.store(false, Ordering::Release);
    let idle = shared.state().neglected();
    for node in &idle {
        wake(shared, *node);
    }
    !idle.is_empty()
}

/// Asks for the partitions of a topic that was not asked for yet, until the cluster knows it.
async fn learn(shared: &Arc<Shared>, topic: &str, until: Instant) -> Result<(), Failure> {
    let unknown_until = (Instant::now() + UNKNOWN).min(until);
    let mut pause = PAUSE;
    loop {
        let failure = match shared.cluster.ask(&[topic]).await {
            Ok(()) => match shared.cluster.leaders(topic) {
                Some(leaders) if leaders.code == 0 && !leaders.nodes.is_empty() => {
                    shared.state().learn(topic, &leaders);
                    return Ok(());
                }
                Some(leaders) if NOT_YET.contains(&leaders.code) => {
                    if Instant::now() >= unknown_until {
                        return Err(Failure::Refused(leaders.code));
                    }
                    Failure::Refused(leaders.code)
                }
                Some(leaders) if leaders.code != 0 => return Err(Failure::Refused(leaders.code)),
                _ => Failure::Refused(3),
            },
            Err(error) => Failure::Unsent(Arc::new(error)),
        };
        if Instant::now() + pause >= until {
            return Err(failure);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// One who waits for room, as long as it lives.
struct InCrowd<'a>(&'a Shared);

impl<'a> InCrowd<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.crowd.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for InCrowd<'_> {
    fn drop(&mut self) {
        self.0.crowd.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether the partitions of a topic that was asked for then are to be asked for again.
pub(super) fn is_stale(asked: Instant, now: Instant) -> bool {
    now.duration_since(asked) > STALE
}
