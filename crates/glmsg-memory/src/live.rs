//! Live subscriptions: those who listen, and telling them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use glmsg_broker::{LiveOptions, LiveReceiver, LiveSender, live_channel};
use glmsg_core::{Message, Result};

use crate::MemoryBroker;
use crate::error::{closed, payload_too_large};

/// Those who listen now.
#[derive(Debug, Default)]
pub(crate) struct Listeners(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    all: Vec<LiveSender>,
}

impl Listeners {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        for listener in state.all.drain(..) {
            listener.end(closed());
        }
    }
}

impl MemoryBroker {
    pub(crate) fn tell(&self, messages: &[Message]) -> Result<()> {
        let limit = self.shared.config.max_payload;
        for message in messages {
            let got = message.payload().len();
            if got > limit {
                return Err(payload_too_large(message.topic(), got, limit));
            }
        }
        // Held to the end, so that all listeners hear all announcements in one order.
        let mut state = self.shared.listeners.state();
        if state.is_closed {
            return Err(closed());
        }
        state.all.retain(|listener| !listener.is_abandoned());
        for message in messages {
            for listener in &state.all {
                if listener.pattern().matches(message.topic()) {
                    listener.message(message.clone());
                }
            }
        }
        Ok(())
    }

    pub(crate) fn hear(&self, options: &LiveOptions) -> Result<LiveReceiver> {
        options.check()?;
        let mut state = self.shared.listeners.state();
        if state.is_closed {
            return Err(closed());
        }
        let (sender, receiver) = live_channel(options);
        state.all.retain(|listener| !listener.is_abandoned());
        state.all.push(sender);
        Ok(receiver)
    }
}
