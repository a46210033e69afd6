//! The last calls, by number or by time.

use std::collections::VecDeque;
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use tokio::time::Instant;

/// Into how many parts a window of time is divided: its oldest tenth goes at once.
const PARTS: u32 = 10;

/// Over which calls a failure rate is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlidingWindow {
    over: Over,
    minimum: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Calls(u32),
    Time(Duration),
}

impl SlidingWindow {
    /// The last so many calls, 1 to 100 000.
    pub fn calls(calls: u32) -> Self {
        Self {
            over: Over::Calls(calls),
            minimum: calls.min(10),
        }
    }

    /// The calls that ended within this time, 10 ms to 1 day. It moves on in tenths.
    pub fn time(time: Duration) -> Self {
        Self {
            over: Over::Time(time),
            minimum: 10,
        }
    }

    /// How many calls there must be for a rate. Default: 10, or all calls of a window that has
    /// fewer.
    #[must_use]
    pub fn minimum_calls(mut self, calls: u32) -> Self {
        self.minimum = calls;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong = |what: &str| {
            Err(Error::new(ErrorKind::InvalidArgument, what).operation("circuit breaker"))
        };
        if self.minimum == 0 {
            return wrong("the minimum of calls must be at least 1");
        }
        match self.over {
            Over::Calls(calls) if !(1..=100_000).contains(&calls) => {
                wrong("the window must be 1 to 100000 calls")
            }
            Over::Calls(calls) if self.minimum > calls => {
                wrong("the minimum of calls must not be more than the window has")
            }
            Over::Time(time)
                if time < Duration::from_millis(10) || time > Duration::from_secs(86_400) =>
            {
                wrong("the window must be 10 ms to 1 day")
            }
            _ => Ok(()),
        }
    }
}

/// Counts what happened in a [`SlidingWindow`].
#[derive(Debug)]
pub(super) struct Tally {
    window: SlidingWindow,
    /// Over calls: whether each failed. Over time: unused.
    last: VecDeque<bool>,
    /// Over time: when each part began, its calls and its failures.
    parts: VecDeque<(Instant, u32, u32)>,
    calls: u32,
    failures: u32,
}

impl Tally {
    pub(super) fn new(window: SlidingWindow) -> Self {
        Self {
            window,
            last: VecDeque::new(),
            parts: VecDeque::new(),
            calls: 0,
            failures: 0,
        }
    }

    pub(super) fn add(&mut self, failed: bool, now: Instant) {
        self.forget(now);
        match self.window.over {
            Over::Calls(most) => {
                if self.calls == most {
                    let gone = self.last.pop_front().unwrap_or_default();
                    self.calls -= 1;
                    self.failures -= u32::from(gone);
                }
                self.last.push_back(failed);
            }
            Over::Time(time) => {
                let is_current =
                    |began: Instant| now.saturating_duration_since(began) < time / PARTS;
                match self.parts.back_mut() {
                    Some((began, calls, failures)) if is_current(*began) => {
                        *calls += 1;
                        *failures += u32::from(failed);
                    }
                    _ => self.parts.push_back((now, 1, u32::from(failed))),
                }
            }
        }
        self.calls += 1;
        self.failures += u32::from(failed);
    }

    /// The share of failures, if there are calls enough.
    pub(super) fn rate(&mut self, now: Instant) -> Option<f64> {
        self.forget(now);
        (self.calls >= self.window.minimum)
            .then(|| f64::from(self.failures) / f64::from(self.calls))
    }

    fn forget(&mut self, now: Instant) {
        let Over::Time(time) = self.window.over else {
            return;
        };
        while let Some((began, calls, failures)) = self.parts.front().copied() {
            if now.saturating_duration_since(began) < time {
                return;
            }
            self.parts.pop_front();
            self.calls -= calls;
            self.failures -= failures;
        }
    }
}
