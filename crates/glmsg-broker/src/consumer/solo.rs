//! Messages that may have killed a process are retried alone.

use glmsg_core::AttemptOutcome;

use crate::Received;

/// `true` if the message's last delivery ended with its lease, and the next crash would be its
/// third or its last attempt.
///
/// Attempts are counted at delivery, so a crash counts against everything the process held. The
/// first crash or two are shared by all; from then on each such message runs with nothing else in
/// flight. The one that kills its process ends as a dead letter, and the bystanders get through.
pub(super) fn is_suspect(received: &Received) -> bool {
    let crashed = received.history.last().map(|a| a.outcome) == Some(AttemptOutcome::LeaseExpired);
    crashed && (received.attempt >= 3 || received.attempt >= received.message.max_attempts())
}

/// Where the consumer stands with suspects.
#[derive(Debug, Default)]
pub(super) enum Solo {
    /// None has been seen lately.
    #[default]
    Off,
    /// One waits until nothing else is in flight.
    Waiting(Box<Received>),
    /// One is being handled, or the next message is fetched alone to see whether it is another.
    Alone,
}
