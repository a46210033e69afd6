//! How many letters are on their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts letters from when they are left until they are done with.
#[derive(Debug, Default)]
pub(super) struct Busy(Arc<AtomicUsize>);

/// A letter that is counted, until this is dropped.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicUsize>);

impl Busy {
    /// Counts one more.
    pub(super) fn count(&self) -> Counted {
        self.0.fetch_add(1, Ordering::AcqRel);
        Counted(self.0.clone())
    }

    /// Counts one if it is the only one.
    pub(super) fn alone(&self) -> Option<Counted> {
        let is_first = self
            .0
            .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed);
        is_first.is_ok().then(|| Counted(self.0.clone()))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_is_who_comes_when_all_others_are_done() {
        let busy = Busy::default();
        let first = busy.alone();
        assert!(first.is_some() && busy.alone().is_none());
        let second = busy.count();
        drop(first);
        assert!(busy.alone().is_none());
        drop(second);
        assert!(busy.alone().is_some());
    }
}
