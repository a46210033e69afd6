//! Live subscriptions: what is announced while somebody listens, and nothing more.

mod boxed;
mod channel;
mod event;
mod options;
mod queue;
mod subscription;

use std::future::Future;

use glmsg_core::Result;

pub use boxed::BoxLiveSource;
pub use channel::{LiveReceiver, LiveSender, live_channel};
pub use event::LiveEvent;
pub use options::LiveOptions;
pub use subscription::LiveSubscription;

/// What a listener hears. Dropping it ends the listening.
pub trait LiveSource: Send + 'static {
    /// Waits until there is something, and appends at most `max` events to `buf`.
    ///
    /// # Behavior
    /// - Messages of one announcer and one topic come in the order they were announced.
    /// - What is lost on the way is never lost in silence: [`LiveEvent::Missed`] stands where
    ///   messages were dropped because the listener was slow, [`LiveEvent::Interrupted`] where the
    ///   way to the broker was lost.
    /// - It goes on by itself after an interruption.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// `Closed` after the broker is closed. Any other error, such as that the right to listen was
    /// taken away, is told once; another call goes on trying.
    fn recv(
        &mut self,
        buf: &mut Vec<LiveEvent>,
        max: usize,
    ) -> impl Future<Output = Result<()>> + Send;
}
