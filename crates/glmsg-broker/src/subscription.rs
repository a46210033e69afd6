//! A group's deliveries as a stream, for users who settle by hand.

mod delivery;
mod pump;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;
use glmsg_core::{Error, ErrorKind, Result};
use rustc_hash::FxHashSet;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use delivery::Delivery;

use crate::{BoxSettler, BoxSource, Received, Source, SubscribeOptions, Token};

/// A membership of a group: its deliveries, one by one or as a [`Stream`], to be settled by hand.
///
/// While it lives, the leases of what is buffered here and of every [`Delivery`] that is not yet
/// settled or dropped are renewed. Most users want a [`Consumer`](crate::Consumer) instead, which
/// also retries, times out and drains.
///
/// Dropping it gives back what is buffered, at once where a runtime is there to do it.
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
    pump: JoinHandle<()>,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    /// Wakes the pump: there is room, or the subscription is closing.
    pump: Notify,
    settler: BoxSettler,
    options: SubscribeOptions,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Received>,
    /// What the user holds.
    held: FxHashSet<Token>,
    closing: bool,
    /// Set when the source has ended; handed out once.
    failed: Option<Error>,
    ended: bool,
    waker: Option<Waker>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, tokens: &[Token]) {
        let mut state = self.state();
        for token in tokens {
            state.held.remove(token);
        }
        // The pump outlives the subscription until the last delivery is settled.
        if state.closing && state.held.is_empty() {
            self.pump.notify_one();
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("topic", &self.options.topic)
            .field("group", &self.options.group)
            .finish_non_exhaustive()
    }
}

impl Subscription {
    /// Starts to receive from `source`.
    pub(crate) fn new(source: BoxSource, options: SubscribeOptions) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            pump: Notify::new(),
            settler: source.settler(),
            options,
        });
        let pump = tokio::spawn(pump::run(source, shared.clone()));
        Self { shared, pump }
    }

    /// The next delivery.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// `Closed` after the broker was closed, `NotFound` after the topic or group was deleted, or
    /// what else ended the subscription; every later call says `Closed`.
    pub async fn recv(&mut self) -> Result<Delivery> {
        let next = poll_fn(|cx| self.poll_delivery(cx)).await;
        next.unwrap_or_else(|| Err(Error::new(ErrorKind::Closed, "the subscription has ended")))
    }

    /// At least one and at most `max` deliveries.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn recv_batch(&mut self, max: usize) -> Result<Vec<Delivery>> {
        let mut batch = vec![self.recv().await?];
        let mut state = self.shared.state();
        while batch.len() < max {
            let Some(received) = state.ready.pop_front() else {
                break;
            };
            state.held.insert(received.token);
            batch.push(Delivery::new(received, self.shared.clone()));
        }
        drop(state);
        self.shared.pump.notify_one();
        Ok(batch)
    }

    /// Gives back what is buffered, so that others get it at once, and leaves the group.
    /// Deliveries in the user's hands can still be settled.
    ///
    /// # Errors
    /// If what was buffered could not be given back; it comes again when its lease runs out.
    pub async fn close(self) -> Result<()> {
        let buffered = begin_closing(&self.shared);
        if !buffered.is_empty() {
            use crate::Settler as _;
            self.shared.settler.release(&buffered).await?;
        }
        Ok(())
    }

    fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery>>> {
        let mut state = self.shared.state();
        if let Some(received) = state.ready.pop_front() {
            state.held.insert(received.token);
            let refill = state.ready.len() < self.shared.options.prefetch / 2 + 1;
            drop(state);
            if refill {
                self.shared.pump.notify_one();
            }
            return Poll::Ready(Some(Ok(Delivery::new(received, self.shared.clone()))));
        }
        if state.ended || self.pump.is_finished() {
            return Poll::Ready(state.failed.take().map(Err));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Stream for Subscription {
    type Item = Result<Delivery>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_delivery(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let buffered = begin_closing(&self.shared);
        let runtime = tokio::runtime::Handle::try_current();
        if let (false, Ok(runtime)) = (buffered.is_empty(), runtime) {
            let settler = self.shared.settler.clone();
            runtime.spawn(async move {
                use crate::Settler as _;
                // If this fails the leases run out, which gives the same result later.
                drop(settler.release(&buffered).await);
            });
        }
    }
}

/// Stops the intake and returns what was buffered.
fn begin_closing(shared: &Shared) -> Vec<Token> {
    let mut state = shared.state();
    state.closing = true;
    let buffered = state.ready.drain(..).map(|r| r.token).collect();
    drop(state);
    shared.pump.notify_one();
    buffered
}
