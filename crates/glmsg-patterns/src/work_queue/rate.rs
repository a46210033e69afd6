//! How many tasks may begin in a time.

use std::num::NonZeroU32;
use std::time::Duration;

use glmsg_broker::{HandlerError, Incoming};
use glmsg_core::{Error, ErrorKind, Result};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::gate::not_begun;

/// How many tasks may begin in a time: on the average no more than so many, at once no more than a
/// burst. It holds for one pool; several processes each have their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    tasks: u32,
    per: Duration,
    burst: u32,
}

impl Rate {
    /// So many tasks in each `per`, and as many at once.
    pub const fn new(tasks: u32, per: Duration) -> Self {
        Self {
            tasks,
            per,
            burst: tasks,
        }
    }

    /// So many tasks a second.
    pub const fn per_second(tasks: u32) -> Self {
        Self::new(tasks, Duration::from_secs(1))
    }

    /// At once no more than so many. Default: the number of tasks of the rate.
    #[must_use]
    pub const fn burst(mut self, tasks: u32) -> Self {
        self.burst = tasks;
        self
    }

    pub(super) fn limiter(self) -> Result<Limiter> {
        let wrong = || {
            let what = "a rate needs 1 task or more, a time of 1 ns a task or more, and a burst";
            Error::new(ErrorKind::InvalidArgument, what).operation("work queue")
        };
        let each = self.per.checked_div(self.tasks).ok_or_else(wrong)?;
        let quota = Quota::with_period(each).ok_or_else(wrong)?;
        let burst = NonZeroU32::new(self.burst).ok_or_else(wrong)?;
        Ok(Limiter {
            limiter: RateLimiter::direct(quota.allow_burst(burst)),
            clock: DefaultClock::default(),
        })
    }
}

/// Keeps a rate.
#[derive(Debug)]
pub(super) struct Limiter {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Limiter {
    /// Waits until one more task may begin.
    ///
    /// # Errors
    /// What gives the task back, if its consumer drains first.
    pub(super) async fn wait(&self, incoming: &Incoming) -> Result<(), HandlerError> {
        while let Err(not_until) = self.limiter.check() {
            let wait = not_until.wait_time_from(self.clock.now());
            tokio::select! {
                biased;
                () = incoming.cancelled() => return Err(not_begun()),
                () = tokio::time::sleep(wait) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_nothing_is_refused() {
        for rate in [
            Rate::per_second(0),
            Rate::per_second(1).burst(0),
            Rate::new(1, Duration::ZERO),
        ] {
            let refused = rate.limiter().map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn a_burst_is_all_there_is_at_once() {
        let limiter = Rate::new(3, Duration::from_secs(3600)).limiter();
        let limiter = limiter.expect("a rate");
        let begun = (0..10).filter(|_| limiter.limiter.check().is_ok()).count();
        assert_eq!(begun, 3);
    }
}
