//! Renewing the leases of what is held, as long as it is held.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg::{BoxSettler, Settler, Token};
use tokio::task::JoinHandle;

/// How many leases are renewed in one call.
const CHUNK: usize = 1000;

/// Deliveries held by this process. Somebody may page through the output for an hour: what was
/// printed and not acked yet stays this process's until it ends.
pub(crate) struct Leases {
    held: Arc<Mutex<HashSet<Token>>>,
    renewal: JoinHandle<()>,
}

impl Leases {
    /// Starts renewing, three times in a lease.
    pub(crate) fn new(settler: BoxSettler, lease: Duration) -> Self {
        let held = Arc::new(Mutex::new(HashSet::new()));
        let tokens = held.clone();
        let renewal = tokio::spawn(async move {
            loop {
                tokio::time::sleep(lease / 3).await;
                let now: Vec<Token> = lock(&tokens).iter().copied().collect();
                for chunk in now.chunks(CHUNK) {
                    // A failure is met again by the ack, which reports it.
                    if let Ok(outcomes) = settler.extend(chunk, lease).await {
                        let stale = chunk.iter().zip(&outcomes).filter(|(_, o)| !o.is_current());
                        let mut held = lock(&tokens);
                        stale.for_each(|(token, _)| {
                            held.remove(token);
                        });
                    }
                }
            }
        });
        Self { held, renewal }
    }

    pub(crate) fn hold(&self, tokens: impl IntoIterator<Item = Token>) {
        lock(&self.held).extend(tokens);
    }

    pub(crate) fn let_go(&self, tokens: &[Token]) {
        let mut held = lock(&self.held);
        for token in tokens {
            held.remove(token);
        }
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

fn lock(held: &Mutex<HashSet<Token>>) -> MutexGuard<'_, HashSet<Token>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
