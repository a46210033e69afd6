//! Waiting for others to share a frame with, where that has been worth it.
//!
//! A publish that finds nothing under way may wait for others as long as the topic's option says.
//! One that was alone then makes the next ones go at once: one more after each wait in vain, twice
//! as many after each further one. So publishers that come one after the other hardly ever wait,
//! and those that come together share.

use std::time::Duration;

use glmsg_core::Message;
use tokio::time::sleep;

use super::{Place, Waiting};
use crate::frame::Packing;

/// The most publishes that go at once after a wait in vain.
const MOST_AT_ONCE: u32 = 1023;
/// The runtime's timer wakes up to this much too late.
const TICK: Duration = Duration::from_millis(1);

/// Whether to wait for others.
#[derive(Debug, Default)]
pub(super) struct Habit {
    at_once: u32,
    left: u32,
}

impl Habit {
    /// Whether the next publish waits.
    pub(super) fn waits(&mut self) -> bool {
        if self.left == 0 {
            return true;
        }
        self.left -= 1;
        false
    }

    /// How many publishes came together.
    pub(super) fn note(&mut self, publishes: usize) {
        self.at_once = match publishes {
            0 => return,
            1 => (2 * self.at_once + 1).min(MOST_AT_ONCE),
            _ => 0,
        };
        self.left = self.at_once;
    }
}

/// Whether so few messages gain by waiting for others.
pub(super) fn may_wait(packing: &Packing, messages: &[&Message]) -> bool {
    packing.most() >= 2 * messages.len() && !packing.delay().is_zero()
}

/// Whether those that wait fill a frame.
pub(super) fn is_full(packing: &Packing, waiting: &[Waiting]) -> bool {
    let count: usize = waiting.iter().map(|one| one.messages.len()).sum();
    count >= packing.most()
}

/// Waits, then stores what has gathered, and goes on until nothing waits.
pub(super) async fn gather(place: Place) {
    let delay = place.known.packing.delay().saturating_sub(TICK);
    tokio::select! {
        () = sleep(delay) => {}
        () = place.known.combiner.full.notified() => {}
    }
    place.known.combiner.note_gathered();
    place.drain().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_that_come_alone_hardly_wait() {
        let mut habit = Habit::default();
        let waits = (0..5000).filter(|_| {
            let waits = habit.waits();
            if waits {
                habit.note(1);
            }
            waits
        });
        assert!(waits.count() <= 15);
    }

    #[test]
    fn publishers_that_come_together_wait_for_each_other() {
        let mut habit = Habit::default();
        habit.note(1);
        assert!(!habit.waits() && habit.waits());
        habit.note(2);
        assert!((0..100).all(|_| habit.waits()));
        habit.note(0);
        assert!(habit.waits(), "others took them along");
    }
}
