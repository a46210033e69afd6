//! How many messages may still be taken, so that `--count N` is N messages: those that are done,
//! those being handled, and those that failed and wait for their next attempt.

use std::collections::HashMap;
use std::time::Duration;

use glmsg::MessageId;
use tokio::time::Instant;

/// How long after its time a message that failed is still expected.
const GONE: Duration = Duration::from_secs(1);

/// The count and what it is used up by.
#[derive(Debug)]
pub(super) struct Quota {
    count: Option<u64>,
    done: u64,
    /// Messages that come again, and when.
    waiting: HashMap<MessageId, Instant>,
}

/// What may be taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// As many messages as there are hands.
    Any,
    /// This many.
    Some(u64),
    /// Only one that was taken before, and none before this time.
    Again(Instant),
    /// None until something that is being handled ends.
    None,
}

impl Quota {
    pub(super) fn new(count: Option<u64>) -> Self {
        Self {
            count,
            done: 0,
            waiting: HashMap::new(),
        }
    }

    /// What may be taken while `busy` messages are being handled.
    pub(super) fn room(&self, busy: u64) -> Room {
        let Some(count) = self.count else {
            return Room::Any;
        };
        let used = self.done + busy + self.waiting.len() as u64;
        match (count.saturating_sub(used), self.waiting.values().min()) {
            (0, Some(due)) => Room::Again(*due),
            (0, None) => Room::None,
            (left, _) => Room::Some(left),
        }
    }

    /// Whether a message that came may be handled; it is no longer waited for then.
    pub(super) fn admit(&mut self, id: MessageId, busy: u64) -> bool {
        if self.waiting.remove(&id).is_some() {
            return true;
        }
        match self.room(busy) {
            Room::Any | Room::Some(_) => true,
            Room::None => false,
            Room::Again(due) => {
                // What was to come first and did not has gone to another member.
                let is_gone = Instant::now() > due + GONE;
                if is_gone {
                    self.waiting.retain(|_, other| *other > due);
                }
                is_gone
            }
        }
    }

    /// A message is acked, or a dead letter.
    pub(super) fn done(&mut self) {
        self.done += 1;
    }

    /// A message failed and comes again.
    pub(super) fn again(&mut self, id: MessageId, due: Instant) {
        // Without a count nobody asks, and the map would grow for ever.
        if self.count.is_some() {
            self.waiting.insert(id, due);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.count.is_some_and(|count| self.done >= count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_message_keeps_its_place() {
        let (a, b, c) = (MessageId::new(), MessageId::new(), MessageId::new());
        let mut quota = Quota::new(Some(2));
        assert_eq!(quota.room(0), Room::Some(2));
        assert!(quota.admit(a, 0) && quota.admit(b, 1) && !quota.admit(c, 2));
        assert_eq!(quota.room(2), Room::None);
        let due = Instant::now();
        quota.again(a, due);
        assert_eq!(quota.room(1), Room::Again(due));
        assert!(!quota.admit(c, 1) && quota.admit(a, 1));
        quota.done();
        quota.done();
        assert!(quota.is_full());
        assert_eq!(quota.room(0), Room::None);
    }

    #[test]
    fn a_failed_message_that_another_member_took_makes_room() {
        let mut quota = Quota::new(Some(1));
        quota.again(MessageId::new(), Instant::now() - 2 * GONE);
        assert!(quota.admit(MessageId::new(), 0));
        assert_eq!(quota.room(1), Room::None);
    }

    #[test]
    fn without_a_count_everything_is_taken() {
        let mut quota = Quota::new(None);
        quota.again(MessageId::new(), Instant::now());
        quota.done();
        assert_eq!(quota.room(1000), Room::Any);
        assert!(quota.admit(MessageId::new(), 1000) && !quota.is_full());
    }
}
