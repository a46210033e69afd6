//! Which scrapes have been given.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use tokio::sync::watch;

/// Scrapes by number: the one that began, and the last that was given.
#[derive(Debug)]
pub(super) struct Scrapes {
    begun: AtomicU64,
    given: watch::Sender<u64>,
}

impl Default for Scrapes {
    fn default() -> Self {
        let begun = AtomicU64::new(0);
        let given = watch::Sender::new(0);
        Self { begun, given }
    }
}

impl Scrapes {
    /// The number of one that begins.
    pub(super) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, SeqCst) + 1
    }

    pub(super) fn given(&self, number: u64) {
        self.given.send_if_modified(|last| {
            let is_later = number > *last;
            *last = number.max(*last);
            is_later
        });
    }

    /// Waits for one that begins after this call to be given.
    pub(super) async fn next(&self) {
        let until_now = self.begun.load(SeqCst);
        let mut given = self.given.subscribe();
        // The sender is here, so it does not go away.
        let _ = given.wait_for(|number| *number > until_now).await;
    }
}
