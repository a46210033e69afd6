//! The way from where a backend hears to where a listener reads.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glmsg_core::{Error, ErrorKind, Message, Result, TopicName, TopicPattern};
use tokio::sync::Notify;

use super::queue::Queue;
use super::{LiveEvent, LiveOptions, LiveSource};

/// The two ends of a bounded buffer between a backend and a listener: for authors of backends, so
/// that all of them lose in the same way. Putting something in never waits; what does not fit
/// drops the oldest, and is counted.
pub fn live_channel(options: &LiveOptions) -> (LiveSender, LiveReceiver) {
    let shared = Arc::new(Shared {
        pattern: options.pattern.clone(),
        state: Mutex::new(State {
            queue: Queue::new(options.buffer),
            trouble: None,
            ended: None,
            is_abandoned: false,
        }),
        changed: Notify::new(),
        abandoned: Notify::new(),
    });
    (LiveSender(shared.clone()), LiveReceiver(shared))
}

struct Shared {
    pattern: TopicPattern,
    state: Mutex<State>,
    /// There is something to read.
    changed: Notify,
    /// Nobody reads any more.
    abandoned: Notify,
}

struct State {
    queue: Queue,
    /// To be told once.
    trouble: Option<Error>,
    ended: Option<Error>,
    is_abandoned: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_one();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("pattern", &self.pattern)
            .finish_non_exhaustive()
    }
}

/// The backend's end of a [`live_channel`]. Dropping it ends the listener with `Closed`.
#[derive(Debug)]
pub struct LiveSender(Arc<Shared>);

impl LiveSender {
    /// What is listened to.
    pub fn pattern(&self) -> &TopicPattern {
        &self.0.pattern
    }

    /// A message was heard. One of a topic that does not match is none of the listener's.
    pub fn message(&self, message: Message) {
        if self.0.pattern.matches(message.topic()) {
            self.0.change(|state| state.queue.message(message));
        }
    }

    /// Something was heard that is no message.
    pub fn undecodable(&self, topic: TopicName, error: Error) {
        if self.0.pattern.matches(&topic) {
            self.0.change(|state| state.queue.undecodable(topic, error));
        }
    }

    /// The connection is lost.
    pub fn interrupted(&self) {
        self.0.change(|state| state.queue.interrupted());
    }

    /// The connection is there again.
    pub fn resumed(&self) {
        self.0.change(|state| {
            state.trouble = None;
            state.queue.resumed();
        });
    }

    /// It cannot be made again for a reason that somebody has to look at; the backend goes on
    /// trying. The listener is told once it has read what is there.
    pub fn trouble(&self, error: Error) {
        self.0.change(|state| state.trouble = Some(error));
    }

    /// It is over. The listener is told once it has read what is there.
    pub fn end(self, error: Error) {
        self.0.change(|state| {
            state.ended.get_or_insert(error);
        });
    }

    /// Waits until nobody reads any more.
    pub async fn abandoned(&self) {
        loop {
            let gone = self.0.abandoned.notified();
            if self.is_abandoned() {
                return;
            }
            gone.await;
        }
    }

    /// Whether nobody reads any more.
    pub fn is_abandoned(&self) -> bool {
        self.0.state().is_abandoned
    }
}

impl Drop for LiveSender {
    fn drop(&mut self) {
        self.0.change(|state| {
            let closed = || Error::new(ErrorKind::Closed, "the broker is closed");
            state.ended.get_or_insert_with(closed);
        });
    }
}

/// The listener's end of a [`live_channel`], and a [`LiveSource`].
#[derive(Debug)]
pub struct LiveReceiver(Arc<Shared>);

impl LiveSource for LiveReceiver {
    async fn recv(&mut self, buf: &mut Vec<LiveEvent>, max: usize) -> Result<()> {
        if max == 0 {
            return Ok(());
        }
        loop {
            let changed = self.0.changed.notified();
            {
                let mut state = self.0.state();
                let next = std::iter::from_fn(|| state.queue.next());
                let before = buf.len();
                buf.extend(next.take(max));
                if buf.len() > before {
                    return Ok(());
                }
                if let Some(trouble) = state.trouble.take() {
                    return Err(trouble.operation("listen"));
                }
                if let Some(ended) = &state.ended {
                    return Err(ended.duplicate().operation("listen"));
                }
            }
            changed.await;
        }
    }
}

impl Drop for LiveReceiver {
    fn drop(&mut self) {
        self.0.state().is_abandoned = true;
        // One permit is kept for a sender that has not begun to wait.
        self.0.abandoned.notify_one();
    }
}
