//! What the writer shows to others, and that it has ended.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use glmsg_core::Error;
use tokio::sync::watch;

use crate::queue::Queue;

/// What the writer shows to others.
#[derive(Debug)]
pub(crate) struct Status {
    /// Why nothing can be written any more.
    poison: Mutex<Option<Error>>,
    /// `true` when the writer has ended.
    ended: watch::Sender<bool>,
}

impl Status {
    pub(crate) fn new() -> Self {
        Self {
            poison: Mutex::new(None),
            ended: watch::Sender::new(false),
        }
    }

    pub(crate) fn poison(&self) -> Option<Error> {
        let poison = self.poison.lock().unwrap_or_else(PoisonError::into_inner);
        poison.as_ref().map(Error::duplicate)
    }

    pub(super) fn set_poison(&self, error: Error) {
        tracing::error!(%error, "the store stops");
        *self.poison.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Waits until the writer has ended.
    pub(crate) async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        // It cannot be dropped while `self` is there.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

/// Says that the thread has ended, however it did: nobody must wait for it then.
pub(super) struct Ending {
    queue: Arc<Queue>,
    status: Arc<Status>,
}

impl Ending {
    pub(super) fn of(queue: &Arc<Queue>, status: &Arc<Status>) -> Self {
        Self {
            queue: Arc::clone(queue),
            status: Arc::clone(status),
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.queue.close();
        drop(self.queue.take(Some(Duration::ZERO), usize::MAX));
        self.status.ended.send_replace(true);
    }
}
