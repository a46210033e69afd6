//! Messages that may have killed a process are retried alone.

use glmsg_core::AttemptOutcome;
use tokio::time::Instant;

use crate::{Received, RetryPolicy};

/// `true` if the message's last delivery ended with its lease, and the next crash would be its
/// third or its last attempt.
///
/// Attempts are counted at delivery, so a crash counts against everything the process held. The
/// first crash or two are shared by all; from then on each such message runs with nothing else in
/// flight. The one that kills its process ends as a dead letter, and the bystanders get through.
pub(super) fn is_suspect(received: &Received, policy: &RetryPolicy) -> bool {
    let crashed = received.history.last().map(|a| a.outcome) == Some(AttemptOutcome::LeaseExpired);
    let allowed = policy.attempts_of(received.message.max_attempts());
    crashed && (received.attempt >= 3 || received.attempt >= allowed)
}

/// Where the consumer stands with suspects.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum Solo {
    /// None has been seen lately.
    #[default]
    Off,
    /// Some came, and were given back: nothing is received until nothing is in flight, but no
    /// longer than this, because a handler that hangs must not stop the others.
    Waiting(Instant),
    /// Nothing is in flight; messages are received and handled one at a time until one is no
    /// suspect.
    Alone,
    /// It did not become quiet in time: suspects are handled beside others until it has been.
    GivenUp,
}
