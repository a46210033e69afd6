//! Whether anybody can have published a message before.

use std::sync::atomic::{AtomicBool, Ordering};

/// Set while a message is new: its id was made with it, in this process, and no form of it has
/// left it.
pub(crate) struct Novelty(AtomicBool);

impl Novelty {
    pub(crate) fn new(is_new: bool) -> Self {
        Self(AtomicBool::new(is_new))
    }

    /// Ends it. Returns whether it lasted until now; of several callers one hears that it did.
    pub(crate) fn end(&self) -> bool {
        // Most messages are asked once, and a read is cheaper than an exchange.
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed)
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
