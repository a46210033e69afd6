//! Whether anybody can have published a message before.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use super::Message;
use crate::Result;

/// Its id was made with it or is known to be unpublished, and no form of it has left this process.
const NEW: u8 = 0;
/// Somebody publishes it for the first time.
const UNDER_WAY: u8 = 1;
/// It may have been published.
const OLD: u8 = 2;

/// Whether anybody can have published a message before.
pub(crate) struct Novelty(AtomicU8);

impl Novelty {
    pub(crate) fn new(is_new: bool) -> Self {
        Self(AtomicU8::new(if is_new { NEW } else { OLD }))
    }

    /// Ends it, unless the first publish is under way, which ends it by itself.
    pub(crate) fn end(&self) {
        if self.0.load(Ordering::Relaxed) == NEW {
            self.change(NEW, OLD);
        }
    }

    fn change(&self, from: u8, to: u8) -> bool {
        let changed = self
            .0
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        changed.is_ok()
    }
}

/// The copy of a message has its id, so at most one of the two is new. It is neither: which one is
/// published first is not known.
impl Clone for Novelty {
    fn clone(&self) -> Self {
        self.end();
        Self::new(false)
    }
}

/// The first publish of a message, as long as this lives: no other can come before it.
#[must_use]
pub struct FirstPublish<'a>(&'a Message);

impl FirstPublish<'_> {
    /// For layers: the same message with this W3C `traceparent`, to be published in its place. The
    /// first publish is the copy's: hold this until its outcome is known, and make one copy only.
    ///
    /// # Errors
    /// As [`Message::with_traceparent`].
    pub fn with_traceparent(&self, traceparent: &str) -> Result<Message> {
        let copy = self.0.with_traceparent(traceparent)?;
        copy.0.novelty.0.store(NEW, Ordering::Release);
        Ok(copy)
    }
}

impl fmt::Debug for FirstPublish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FirstPublish").field(&self.0.id()).finish()
    }
}

impl Drop for FirstPublish<'_> {
    fn drop(&mut self) {
        self.0.0.novelty.0.store(OLD, Ordering::Release);
    }
}

impl Message {
    /// For backends: the first publish of a message that nobody can have published before, so that
    /// no look for a duplicate is needed. Its id was made with it, in this process, or is known to
    /// be [unpublished](crate::MessageBuilder::unpublished_id); and it was neither encoded, in
    /// whatever form, nor copied by [`to_builder`](Self::to_builder). A clone is the same message:
    /// of all clones one caller gets it.
    ///
    /// Hold it until the outcome is known. Whoever gets none must not look for a duplicate while
    /// [`is_first_publish_under_way`](Self::is_first_publish_under_way).
    ///
    /// Somebody who takes the id, builds another message with it and publishes that one *first*
    /// is not seen.
    pub fn claim_first_publish(&self) -> Option<FirstPublish<'_>> {
        let is_claimed = self.0.novelty.change(NEW, UNDER_WAY);
        // Not `then_some`: one that is made and thrown away would end the other's.
        is_claimed.then(|| FirstPublish(self))
    }

    /// Whether somebody holds the [first publish](Self::claim_first_publish).
    pub fn is_first_publish_under_way(&self) -> bool {
        self.0.novelty.0.load(Ordering::Acquire) == UNDER_WAY
    }
}
