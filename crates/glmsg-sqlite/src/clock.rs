//! The broker's time: the configured clock, which does not run backwards here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use glmsg_core::{Clock, Timestamp};

/// The configured clock. If it is set back, time goes on from where it was, at the pace of the
/// machine's own clock, until the configured one has caught up.
#[derive(Debug, Clone)]
pub(crate) struct GuardedClock(Arc<Guarded>);

#[derive(Debug)]
struct Guarded {
    clock: Arc<dyn Clock>,
    last: Mutex<(Timestamp, Instant)>,
}

impl GuardedClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let last = Mutex::new((clock.now(), Instant::now()));
        Self(Arc::new(Guarded { clock, last }))
    }

    pub(crate) fn now(&self) -> Timestamp {
        let now = self.0.clock.now();
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= last.0 {
            *last = (now, Instant::now());
        } else if !self.0.clock.is_manual() {
            *last = (last.0.after(last.1.elapsed()), Instant::now());
        }
        last.0
    }

    /// How long to wait for `time`; `None` if it comes only by hand.
    pub(crate) fn until(&self, time: Timestamp) -> Option<Duration> {
        (!self.0.clock.is_manual()).then(|| time.since(self.now()))
    }

    /// Calls `wake` whenever the time was moved by hand.
    pub(crate) fn on_change(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.0.clock.on_change(wake);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[derive(Debug)]
    struct Jumping(AtomicI64, bool);

    impl Clock for Jumping {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::Relaxed))
        }
        fn is_manual(&self) -> bool {
            self.1
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_set_the_broker_back() {
        for is_manual in [false, true] {
            let jumping = Arc::new(Jumping(AtomicI64::new(1_000_000_000), is_manual));
            let clock = GuardedClock::new(jumping.clone());
            let before = clock.now();
            jumping.0.store(5, Ordering::Relaxed);
            let (first, second) = (clock.now(), clock.now());
            assert!(before <= first && first <= second);
            assert!(second.since(before) < Duration::from_secs(600));
            jumping.0.store(9_000_000_000, Ordering::Relaxed);
            assert_eq!(clock.now().as_micros(), 9_000_000_000);
        }
    }
}
