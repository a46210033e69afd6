//! How long a case goes on.

use std::time::Duration;

/// So long; in the long form of the tests four times as long.
pub(crate) fn seconds(short: u64) -> Duration {
    let times = if is_long() { 4 } else { 1 };
    Duration::from_secs(short * times)
}

/// Whether the long form is asked for.
pub(crate) fn is_long() -> bool {
    std::env::var_os("GLMSG_LONG").is_some()
}
