//! Waking a thread that rests.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Wakes one thread. A ring that nobody waits for is remembered.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    has_rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        let mut has_rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !*has_rung {
            *has_rung = true;
            self.heard.notify_one();
        }
    }

    /// Waits until somebody [rings](Self::ring), or as long as this.
    pub(crate) fn wait(&self, most: Duration) {
        let has_rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .heard
            .wait_timeout_while(has_rung, most, |has_rung| !*has_rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}
