//! How many messages may go into a topic by plain commands before somebody looks again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long what was seen holds: others publish, too, and an operator changes bounds.
const HOLDS: Duration = Duration::from_secs(1);
/// Where there was no room, who publishes goes by the step, which is exact, for so long.
const NONE: Duration = Duration::from_millis(100);

/// How many messages may go into a topic by plain commands before somebody looks again.
#[derive(Debug, Default)]
pub(crate) struct Room(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    left: usize,
    /// There was none when somebody looked.
    is_full: bool,
    /// Until when what was seen holds.
    until: Option<Instant>,
    /// Grows when what somebody is about to see may be over.
    epoch: u64,
}

/// Whether there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Go: it is taken.
    Yes,
    /// Go by the step.
    No,
    /// Look first, and say so with this.
    Unknown(u64),
}

impl Room {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes room for so many.
    pub(crate) fn take(&self, messages: usize) -> Taken {
        let mut state = self.state();
        let holds = state.until.is_some_and(|until| Instant::now() < until);
        if holds && state.is_full {
            return Taken::No;
        }
        if holds && state.left >= messages {
            state.left -= messages;
            return Taken::Yes;
        }
        Taken::Unknown(state.epoch)
    }

    /// Notes what somebody saw who began to look in that epoch, and takes room for so many.
    pub(crate) fn saw(&self, epoch: u64, free: usize, messages: usize) -> bool {
        let mut state = self.state();
        if state.epoch != epoch {
            return false;
        }
        let is_full = free < messages;
        let holds = if is_full { NONE } else { HOLDS };
        state.until = Some(Instant::now() + holds);
        state.is_full = is_full;
        state.left = free.saturating_sub(messages);
        !is_full
    }

    /// Somebody must look: the topic has changed.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.epoch += 1;
        state.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_until_somebody_must_look() {
        let room = Room::default();
        assert_eq!(room.take(1), Taken::Unknown(0), "nobody has looked");
        assert!(room.saw(0, 10, 1));
        assert_eq!(room.take(4), Taken::Yes);
        assert_eq!(room.take(5), Taken::Yes);
        assert_eq!(room.take(1), Taken::Unknown(0), "used up");
        assert!(!room.saw(0, 10, 11));
        assert_eq!(
            room.take(1),
            Taken::No,
            "too little for the last who looked"
        );
        room.forget();
        assert_eq!(room.take(1), Taken::Unknown(1));
        assert!(!room.saw(0, 10, 1), "seen before it changed");
        assert_eq!(room.take(1), Taken::Unknown(1));
    }
}
