//! How long to wait before the next try.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);

/// Waits that double from 10 ms to 500 ms, each shortened by up to a half at random, so that many
/// clients that failed together do not come back together.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.tries.min(16));
        self.tries += 1;
        doubled.min(LONGEST).mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound() {
        let mut backoff = Backoff::default();
        for nominal in [10, 20, 40, 80, 160, 320, 500, 500, 500] {
            let nominal = Duration::from_millis(nominal);
            let wait = backoff.next();
            assert!(wait >= nominal / 2 && wait <= nominal, "{wait:?}");
        }
    }
}
