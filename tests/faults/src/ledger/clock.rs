//! The clock of the ledger.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`.
///
/// It counts from the machine's start and not from the process's, so the events of several processes can be put in
/// order; and it does not jump when a case moves the wall clock.
///
/// # Panics
/// If the machine was started before its clock.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).expect("the monotonic clock is not negative");
    let nanos = u64::try_from(now.tv_nsec).expect("nanoseconds are not negative");
    seconds * 1_000_000_000 + nanos
}
