//! Where what comes back waits, and for how long.
//!
//! A partition of the retry topic is a tier. What waits in it leaves after the tier's time, in the
//! order it came: so a tier is read from its front, and nothing that is not due is in the way. What
//! has longer to wait than one tier goes on to another when it leaves.

use std::time::Duration;

use glmsg_core::Timestamp;

const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// How long each tier is, in seconds. What has less to wait than the second waits in the first,
/// each for its own time.
const SECONDS: [u64; 6] = [0, 15 * SECOND, 2 * MINUTE, 20 * MINUTE, 3 * HOUR, 24 * HOUR];

/// How many tiers there are.
pub(crate) const TIERS: i32 = 6;

/// How long a record may stand in a retry topic: much longer than it ever waits there.
pub(crate) const LONGEST_KEPT: Duration = Duration::from_secs(14 * 24 * HOUR);

/// What has less to wait stays where it is: it is not acked, so it is as safe there.
pub(crate) const HELD: Duration = Duration::from_secs(2);

/// The tier for what has this long to wait.
pub(crate) fn tier(wait: Duration) -> i32 {
    let at = SECONDS.iter().rposition(|tier| *tier <= wait.as_secs());
    at.and_then(|at| i32::try_from(at).ok()).unwrap_or(0)
}

/// When a record that was stored in a tier leaves it.
pub(crate) fn leaves(tier: i32, stored_at: Timestamp, due: Timestamp) -> Timestamp {
    let seconds = usize::try_from(tier).ok().and_then(|at| SECONDS.get(at));
    match seconds.copied().unwrap_or(0) {
        0 => due,
        seconds => due.min(stored_at.after(Duration::from_secs(seconds))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_made_of_tiers_and_no_longer() {
        for seconds in [0, 1, 14, 15, 16, 119, 120, 3600, 3 * 3600 + 7, 90 * 3600] {
            let wait = Duration::from_secs(seconds);
            let (start, mut now, mut hops) =
                (Timestamp::from_micros(0), Timestamp::from_micros(0), 0);
            let due = start.after(wait);
            while now < due {
                now = leaves(tier(due.since(now)), now, due);
                hops += 1;
            }
            assert_eq!(now, due, "{seconds} s");
            assert!(hops <= 24, "{seconds} s in {hops} hops");
        }
    }
}
