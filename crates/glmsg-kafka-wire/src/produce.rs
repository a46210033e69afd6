//! Producing: what is published while a request is under way goes with the next one.
//!
//! Calls put records into the open batch of their partition. For each broker there is a task which
//! has one request under way and then takes all that has come since: nobody lingers, and many share
//! a request when there are many. Whatever a partition has under way is answered before more of it
//! is sent, so its order holds whatever is sent again; and it is sent again with the same sequence, by
//! which the broker stores it once.

mod batch;
mod call;
mod partitioner;
mod sender;
mod state;
mod ticket;
mod unled;
mod verdict;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_core::Error;
use tokio::sync::Notify;

use self::state::State;
use crate::{Cluster, Compression, NewHeaders};

pub use self::call::Call;
pub use self::ticket::{Outcome, Place};

/// A record to send.
#[derive(Debug, Clone, Copy)]
pub struct NewRecord<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition. Without one it is that of the key; without a key, any.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value. Without one it is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers.
    pub headers: Option<&'a NewHeaders>,
}

/// Why a record was not stored, or may not have been.
#[derive(Debug, Clone)]
pub enum Failure {
    /// A broker has refused it, with this code.
    Refused(i16),
    /// It was not stored: what kept it from being sent.
    Unsent(Arc<Error>),
    /// It was sent, and may be stored: what kept the answer from coming.
    Unanswered(Arc<Error>),
}

/// How a producer sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerSettings {
    /// What is not answered, or refused for a while, is sent again until its time is over, and stored
    /// once all the same. Otherwise it is sent once, and the caller told what came of it.
    pub sends_again: bool,
    /// How long a record may take until it is stored.
    pub timeout: Duration,
    /// How long to wait for more after the first of a request that nobody waits before.
    pub linger: Duration,
    /// How many bytes may wait to be stored. Who puts more waits for room.
    pub queue: usize,
    /// How many bytes of a partition go into one batch, before they are compressed. A larger record
    /// goes alone.
    pub batch: usize,
    /// How batches are compressed.
    pub compression: Compression,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            sends_again: true,
            timeout: Duration::from_secs(30),
            linger: Duration::ZERO,
            queue: 64 * 1024 * 1024,
            batch: 1_000_000,
            compression: Compression::None,
        }
    }
}

/// What the producer, its calls and its tasks share.
struct Shared {
    cluster: Arc<Cluster>,
    settings: ProducerSettings,
    state: Mutex<State>,
    /// How many wait for room, and where.
    crowd: AtomicUsize,
    room: Notify,
    /// Rings when all is stored.
    empty: Notify,
    /// Nobody puts any more.
    is_over: AtomicBool,
    /// Something was left by a task that has ended with its runtime.
    has_orphans: AtomicBool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A task ends with its runtime: what it has left is seen to by those who wait, or come next.
    fn leave(&self, mut state: MutexGuard<'_, State>, node: i32, lane: usize) {
        if state.has_ended(node, lane) {
            self.has_orphans.store(true, Ordering::Release);
        }
        state.nudge(node);
        // Where it has put what it had under way.
        state.nudge(state::NOBODY);
        drop(state);
        self.room.notify_waiters();
        self.empty.notify_waiters();
    }
}

/// Sends records. Its tasks run on the runtime of whoever calls it, and are begun anew if that ends.
pub struct Producer {
    shared: Arc<Shared>,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

impl Producer {
    /// One that has not connected yet.
    pub fn new(cluster: Arc<Cluster>, settings: ProducerSettings) -> Self {
        Self {
            shared: Arc::new(Shared {
                cluster,
                settings,
                state: Mutex::default(),
                crowd: AtomicUsize::new(0),
                room: Notify::new(),
                empty: Notify::new(),
                is_over: AtomicBool::new(false),
                has_orphans: AtomicBool::new(false),
            }),
        }
    }

    /// Begins a call of at most so many records.
    pub fn call(&self, most: u32) -> Call<'_> {
        Call::new(&self.shared, most)
    }

    /// Sends one record.
    ///
    /// What was begun goes on if the future is dropped.
    ///
    /// # Errors
    /// Why it was not stored, or may not have been.
    pub async fn send(&self, record: NewRecord<'_>) -> Result<(), Failure> {
        let mut call = self.call(1);
        call.put(0, record).await?;
        match call.finish().await.failed.pop() {
            Some((_, failure)) => Err(failure),
            None => Ok(()),
        }
    }

    /// Waits until nothing is left that was put, for so long at most. Whether that is so.
    pub async fn flush(&self, timeout: Duration) -> bool {
        let all_gone = async {
            loop {
                let empty = self.shared.empty.notified();
                if self.shared.state().is_empty() {
                    return;
                }
                call::revive(&self.shared);
                empty.await;
            }
        };
        tokio::time::timeout(timeout, all_gone).await.is_ok()
    }
}

#[cfg(test)]
impl Producer {
    /// Who leads the partitions of a topic, as if the cluster had said so.
    pub(crate) fn learn(&self, topic: &str, nodes: &[i32]) {
        let leaders = crate::Leaders {
            nodes: nodes.to_vec(),
            code: 0,
        };
        self.shared.state().learn(topic, &leaders);
    }
}

impl Drop for Producer {
    /// What was put is still sent.
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        self.shared.state().ring_all();
        call::revive(&self.shared);
    }
}

#[cfg(test)]
mod tests;
