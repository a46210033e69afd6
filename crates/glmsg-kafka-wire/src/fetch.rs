//! Reads assigned partitions, each from the broker that leads it.

mod aside;
mod backoff;
mod broker;
mod code;
mod fetched;
mod leaders;
mod offsets;
mod plan;
mod session;
mod settings;
mod settle;
mod shared;
mod sift;
mod slot;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

pub use self::fetched::{Fetched, FetchedBatch, Generation, Portion, Watermarks, What};
pub use self::settings::FetchSettings;
use self::shared::Shared;
use self::slot::{Place, Slot};
use crate::cluster::Cluster;

/// Reads assigned partitions, each from the broker that leads it: one request is under way on the
/// connection to each, and goes out as soon as the one before is answered.
///
/// Its tasks run on the runtime that a call is made on first. If that ends, they begin anew on the
/// runtime of a later call; a runtime that is there and not driven halts them. They end with the
/// fetcher.
///
/// What goes wrong with brokers and connections is tried again after 50 ms to 1 s, and is told of by
/// nothing but a log. What concerns a partition for longer is among what is [fetched](What).
pub struct Fetcher {
    shared: Arc<Shared>,
    task: Mutex<Option<AbortHandle>>,
}

impl Fetcher {
    /// One that nothing is assigned to. Does not connect.
    pub fn new(cluster: Arc<Cluster>, settings: FetchSettings) -> Self {
        Self {
            shared: Shared::new(cluster, settings),
            task: Mutex::default(),
        }
    }

    /// Begins to read a partition from an offset on; -2 stands for its begin, -1 for its end. If it
    /// was assigned already, what was fetched for that is let go.
    ///
    /// What is there is read at once, on a second connection if the first one waits for others.
    pub fn assign(&self, topic: Arc<str>, partition: i32, offset: i64) -> Generation {
        let mut state = self.shared.state();
        let generation = state.next_generation();
        state.insert(Slot::new(topic, partition, offset, generation));
        self.shared.rouse(&state, generation);
        self.shared.make_room(&mut state);
        drop(state);
        self.ensure_running();
        Generation(generation)
    }

    /// Lets a partition go, with all that was fetched of it.
    pub fn unassign(&self, topic: &str, partition: i32) {
        let mut state = self.shared.state();
        state.remove(topic, partition);
        self.shared.make_room(&mut state);
    }

    /// Goes on with a partition at another offset, as an assignment of its own; it stays paused if it
    /// is. None if it is not assigned.
    pub fn seek(&self, topic: &str, partition: i32, offset: i64) -> Option<Generation> {
        let mut state = self.shared.state();
        let generation = state.next_generation();
        let slot = state.find(topic, partition)?.moved(offset, generation);
        state.insert(slot);
        self.shared.rouse(&state, generation);
        self.shared.make_room(&mut state);
        Some(Generation(generation))
    }

    /// Stops reading a partition. What was fetched of it is kept, and not given until it is resumed.
    pub fn pause(&self, topic: &str, partition: i32) {
        let mut state = self.shared.state();
        state.pause(topic, partition, true);
        self.shared.make_room(&mut state);
    }

    /// Reads a partition again that was paused.
    pub fn resume(&self, topic: &str, partition: i32) {
        let mut state = self.shared.state();
        if let Some(generation) = state.pause(topic, partition, false) {
            self.shared.rouse(&state, generation);
            if state.has_more() {
                self.shared.ready.notify_one();
            }
        }
    }

    /// How far a partition is read, and how far it could be, as far as was told last. None of one
    /// that is not assigned or of which nothing is known yet.
    pub fn watermarks(&self, topic: &str, partition: i32) -> Option<Watermarks> {
        let state = self.shared.state();
        let slot = state.find(topic, partition)?;
        let Place::At(next) = slot.place else {
            return None;
        };
        (slot.high_watermark >= 0).then_some(Watermarks {
            next,
            log_start: slot.log_start,
            high_watermark: slot.high_watermark,
            last_stable: slot.last_stable,
        })
    }

    /// Waits for what comes next. Partitions take turns. Of several calls at a time each gets
    /// something else. Nothing is lost if one is given up.
    pub async fn next(&self) -> Fetched {
        loop {
            // Before looking: what comes afterwards wakes it.
            let ready = self.shared.ready.notified();
            if let Some(fetched) = self.try_next() {
                return fetched;
            }
            if self.ensure_running() {
                // A runtime that is ending drops them at once, and ends only when whoever polls lets go.
                tokio::task::yield_now().await;
            }
            ready.await;
        }
    }

    /// What has come already.
    pub fn try_next(&self) -> Option<Fetched> {
        let mut state = self.shared.state();
        let fetched = state.take();
        self.shared.make_room(&mut state);
        if fetched.is_some() && state.has_more() {
            // Others may wait.
            self.shared.ready.notify_one();
        }
        fetched
    }

    /// Begins the tasks, if there are none and there is a runtime to have them. Whether it did.
    fn ensure_running(&self) -> bool {
        let Ok(runtime) = Handle::try_current() else {
            return false;
        };
        let run = {
            let mut state = self.shared.state();
            if state.is_running {
                return false;
            }
            state.begin()
        };
        let guard = Guard {
            shared: Arc::clone(&self.shared),
            run,
        };
        // A runtime that is ending drops it at once, and with it the guard.
        let task = runtime.spawn(async move {
            leaders::run(Arc::clone(&guard.shared), run).await;
        });
        let mut kept = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(task.abort_handle());
        true
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

/// Notes that the tasks have ended, as with their runtime, and has whoever waits begin them anew.
struct Guard {
    shared: Arc<Shared>,
    run: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if state.run == self.run {
            state.is_running = false;
        }
        drop(state);
        self.shared.ready.notify_waiters();
        self.shared.ready.notify_one();
    }
}

#[cfg(test)]
mod tests;
