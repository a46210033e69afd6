//! How many letters are on their way, and how many go together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where no more than so many go together, a lone letter need not wait for others.
const FEW: usize = 2;

/// Counts letters from when they are left until they are done with.
#[derive(Debug, Clone, Default)]
pub(super) struct Busy(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    letters: AtomicUsize,
    together: AtomicUsize,
}

/// A letter that is counted, until this is dropped.
#[derive(Debug)]
pub(super) struct Counted(Arc<Counts>);

impl Busy {
    /// Counts one more.
    pub(super) fn count(&self) -> Counted {
        self.0.letters.fetch_add(1, Ordering::AcqRel);
        Counted(self.0.clone())
    }

    /// Counts one if it is the only one, and others are not likely to come along.
    pub(super) fn alone(&self) -> Option<Counted> {
        if self.are_many() {
            return None;
        }
        let letters = &self.0.letters;
        let is_first = letters.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed);
        is_first.is_ok().then(|| Counted(self.0.clone()))
    }

    /// So many went together.
    pub(super) fn went(&self, together: usize) {
        self.0.together.store(together, Ordering::Relaxed);
    }

    /// Whether more than a few went together the last time.
    pub(super) fn are_many(&self) -> bool {
        self.0.together.load(Ordering::Relaxed) > FEW
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.letters.fetch_sub(1, Ordering::AcqRel);
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

    #[test]
    fn nobody_is_alone_while_many_go_together() {
        let busy = Busy::default();
        busy.went(FEW + 1);
        assert!(busy.are_many() && busy.alone().is_none());
        busy.went(FEW);
        assert!(busy.alone().is_some());
    }
}
