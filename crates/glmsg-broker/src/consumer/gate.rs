//! Holding back what consumers take in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// No bound.
const OPEN: usize = usize::MAX;

/// Holds back what consumers take in, without ending them: open, closed, or so many messages at a
/// time. One gate may stand before many consumers, and a consumer behind several; the narrowest
/// counts. A clone is the same gate.
///
/// Behind a closed gate a consumer receives nothing, and what waits in its process for a handler
/// goes back to the group at once, without counting an attempt. Handlers that run finish. A receive
/// that was under way when the gate closed is not given up; what it still brings goes back, too.
/// The consumer stays a member of its group, and renews the leases of what is being handled.
///
/// ```
/// use glmsg_broker::Gate;
///
/// let gate = Gate::new();
/// assert_eq!(gate.limit(), None);
/// gate.close();
/// assert_eq!(gate.limit(), Some(0));
/// gate.limit_to(3);
/// gate.open();
/// ```
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    limit: AtomicUsize,
    changed: watch::Sender<()>,
}

impl Gate {
    /// An open gate.
    #[allow(clippy::new_without_default, reason = "every call gives another gate")]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            limit: AtomicUsize::new(OPEN),
            changed: watch::Sender::new(()),
        }))
    }

    /// Lets everything through.
    pub fn open(&self) {
        self.set(OPEN);
    }

    /// Lets nothing through.
    pub fn close(&self) {
        self.set(0);
    }

    /// Lets each consumer have at most so many messages in its process at a time, those being
    /// handled included. 0 closes.
    pub fn limit_to(&self, messages: usize) {
        self.set(messages.min(OPEN - 1));
    }

    /// How many messages each consumer may have at a time; `None` if the gate is open.
    pub fn limit(&self) -> Option<usize> {
        let limit = self.bound();
        (limit != OPEN).then_some(limit)
    }

    /// The limit, or `usize::MAX`.
    pub(super) fn bound(&self) -> usize {
        self.0.limit.load(Ordering::SeqCst)
    }

    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    fn set(&self, limit: usize) {
        if self.0.limit.swap(limit, Ordering::SeqCst) != limit {
            self.0.changed.send_replace(());
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("limit", &self.limit())
            .finish()
    }
}

/// Waits until one of the gates changes.
pub(super) async fn changed(mut gates: Vec<watch::Receiver<()>>) -> Vec<watch::Receiver<()>> {
    {
        let changes = gates.iter_mut().map(|gate| Box::pin(gate.changed()));
        let (change, _, _) = futures_util::future::select_all(changes).await;
        // Who waits here holds the gates too, so they are not gone.
        drop(change);
    }
    gates
}
