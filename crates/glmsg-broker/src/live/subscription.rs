//! Listening, for users.

use std::collections::VecDeque;

use futures_util::{Stream, stream};
use glmsg_core::Result;

use super::{BoxLiveSource, LiveEvent, LiveSource};

/// How many events are taken at once.
const BATCH: usize = 256;

/// A live subscription: what is announced to matching topics while it lives.
///
/// It is lossy, and says so: nothing is stored for it, nothing is acked, nothing comes again. Who
/// must not miss a message takes a [`Subscription`](crate::Subscription) or a
/// [`Consumer`](crate::Consumer) instead, which are groups of a topic. Where this one misses
/// something, a mark stands in its place: see [`LiveEvent`].
///
/// It comes from [`BrokerExt::listen`](crate::BrokerExt::listen). Dropping it ends the listening.
#[doc(alias = "Delivery::Live")]
#[doc(alias = "Live")]
#[derive(Debug)]
pub struct LiveSubscription {
    source: BoxLiveSource,
    ready: VecDeque<LiveEvent>,
}

impl LiveSubscription {
    pub(crate) fn new(source: BoxLiveSource) -> Self {
        Self {
            source,
            ready: VecDeque::new(),
        }
    }

    /// The next event.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`LiveSource::recv`].
    pub async fn recv(&mut self) -> Result<LiveEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let mut some = Vec::new();
            self.source.recv(&mut some, BATCH).await?;
            self.ready = some.into();
        }
    }

    /// The events as a stream. It ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<LiveEvent>> + Send {
        stream::unfold(Some(self), async |live| {
            let mut live = live?;
            match live.recv().await {
                Ok(event) => Some((Ok(event), Some(live))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}
