//! When a failed message is tried again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::HandlerError;

/// What is to become of a failed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try it again after the policy's delay.
    Retry,
    /// Try it again after this delay.
    RetryAfter(Duration),
    /// Do not try it again: it becomes a dead letter.
    Reject,
    /// It was not handled: give it back at once, without counting the attempt; see
    /// [`HandlerError::release`].
    Release,
}

type Classify = dyn Fn(&HandlerError) -> Verdict + Send + Sync;

/// When a failed message is tried again, and how often.
///
/// The default is: at once, after 1 s, after 2 s, then exponentially longer with full jitter (a
/// random time up to 4 s, 8 s, 16 s, …), at most 5 minutes. How often is the message's own
/// `max_retries`, 3 by default; [`max_attempts`](Self::max_attempts) can only lower it.
///
/// ```
/// use std::time::Duration;
/// use glmsg_broker::RetryPolicy;
///
/// let policy = RetryPolicy::default();
/// assert_eq!(policy.delay(1), Duration::ZERO);
/// assert_eq!(policy.delay(2), Duration::from_secs(1));
/// assert_eq!(policy.delay(3), Duration::from_secs(2));
/// assert!(policy.delay(4) <= Duration::from_secs(4));
/// ```
#[derive(Clone)]
pub struct RetryPolicy {
    first: Vec<Duration>,
    cap: Duration,
    max_attempts: Option<u32>,
    classify: Option<Arc<Classify>>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new(vec![
            Duration::ZERO,
            Duration::from_secs(1),
            Duration::from_secs(2),
        ])
    }
}

impl RetryPolicy {
    /// These delays after the first failures, exactly; then twice the last one and so on, with
    /// full jitter.
    pub fn new(first: Vec<Duration>) -> Self {
        Self {
            first,
            cap: Duration::from_secs(300),
            max_attempts: None,
            classify: None,
        }
    }

    /// Always exactly `delay`.
    pub fn fixed(delay: Duration) -> Self {
        Self::new(vec![delay; 1001]).cap(delay)
    }

    /// No delay is longer than this. Default: 5 minutes.
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// No message is delivered more often than this, even if it allows more itself.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// Decides by the error; an error that decides for itself (see [`HandlerError`]) is not asked
    /// about.
    #[must_use]
    pub fn classify(
        mut self,
        classify: impl Fn(&HandlerError) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.classify = Some(Arc::new(classify));
        self
    }

    /// How long to wait after the failure of attempt `failed`, counted from 1. Where there is
    /// jitter, every call draws anew.
    pub fn delay(&self, failed: u32) -> Duration {
        let index = failed.max(1) as usize - 1;
        if let Some(exact) = self.first.get(index) {
            return (*exact).min(self.cap);
        }
        let base = self
            .first
            .last()
            .copied()
            .unwrap_or_default()
            .max(Duration::from_millis(100));
        let doublings = u32::try_from(index - self.first.len() + 1)
            .unwrap_or(u32::MAX)
            .min(32);
        let bound = base.saturating_mul(1 << doublings.min(30)).min(self.cap);
        bound.mul_f64(fastrand::f64())
    }

    /// The most attempts at something that allows `own` of them.
    pub fn attempts_of(&self, own: u32) -> u32 {
        self.max_attempts.map_or(own, |most| most.min(own))
    }

    /// What is to become of what failed with this error: as it says itself, else as
    /// [`classify`](Self::classify) says.
    pub fn verdict(&self, error: &HandlerError) -> Verdict {
        let classify = || self.classify.as_ref().map_or(Verdict::Retry, |c| c(error));
        error.verdict().unwrap_or_else(classify)
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("first", &&self.first[..self.first.len().min(5)])
            .field("cap", &self.cap)
            .field("max_attempts", &self.max_attempts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_exact_first_and_jittered_below_the_cap_later() {
        let policy = RetryPolicy::default().cap(Duration::from_secs(60));
        for attempt in 4..1100 {
            let bound = Duration::from_secs(2 << (attempt - 3).min(6)).min(Duration::from_secs(60));
            assert!(policy.delay(attempt) <= bound, "attempt {attempt}");
        }
        let draws: Vec<_> = (0..50).map(|_| policy.delay(9)).collect();
        assert!(draws.iter().any(|d| *d != draws[0]), "no jitter");
        assert_eq!(
            RetryPolicy::fixed(Duration::from_secs(5)).delay(1000),
            Duration::from_secs(5)
        );
    }

    #[test]
    fn an_error_decides_for_itself_before_the_policy_does() {
        let policy = RetryPolicy::default().classify(|_| Verdict::Reject);
        let io = || HandlerError::from(std::io::Error::other("disk"));
        assert_eq!(policy.verdict(&io()), Verdict::Reject);
        assert_eq!(
            policy.verdict(&HandlerError::retry("later")),
            Verdict::Retry
        );
        assert_eq!(RetryPolicy::default().verdict(&io()), Verdict::Retry);
    }

    #[test]
    fn a_policy_only_lowers_the_attempts() {
        assert_eq!(RetryPolicy::default().attempts_of(4), 4);
        assert_eq!(RetryPolicy::default().max_attempts(2).attempts_of(4), 2);
        assert_eq!(RetryPolicy::default().max_attempts(9).attempts_of(4), 4);
    }
}
