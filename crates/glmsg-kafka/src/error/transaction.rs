//! What is to be done about an error of a transaction.

use glmsg_core::{Error, ErrorKind, RetryClass};
use rdkafka::error::{KafkaError, RDKafkaError};

use super::code;

/// What is to be done about an error of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Call the same again.
    Retry,
    /// Abort the transaction, and begin it anew with what was read for it.
    Abort,
    /// Give up the producer, and make a new one of the same transactional id.
    Fatal,
}

/// What is to be done about an error of a transaction. What is none of the library's three cases is
/// taken for the worst, so that nothing is sent twice.
pub(crate) fn verdict(error: &KafkaError) -> Verdict {
    match error {
        KafkaError::Transaction(inner) => of(inner),
        _ => Verdict::Fatal,
    }
}

fn of(error: &RDKafkaError) -> Verdict {
    judge(
        error.is_fatal(),
        error.txn_requires_abort(),
        error.is_retriable(),
    )
}

/// The order is that of the library's documentation.
pub(super) const fn judge(is_fatal: bool, wants_abort: bool, is_retriable: bool) -> Verdict {
    if is_fatal {
        Verdict::Fatal
    } else if wants_abort {
        Verdict::Abort
    } else if is_retriable {
        Verdict::Retry
    } else {
        Verdict::Fatal
    }
}

pub(super) fn describe(error: &RDKafkaError, was_sent: bool) -> Error {
    let verdict = of(error);
    // What is to be aborted is not committed: nothing of it is in doubt.
    let told = code::describe(error.code(), was_sent && verdict != Verdict::Abort);
    match verdict {
        Verdict::Retry => told
            .with("transaction", "retry")
            .retry(RetryClass::Transient),
        Verdict::Abort if is_lasting(told.kind()) => told.with("transaction", "abort"),
        Verdict::Abort => told
            .with("transaction", "abort")
            .retry(RetryClass::Transient),
        Verdict::Fatal => told.with("transaction", "give up").retry(RetryClass::Never),
    }
}

/// Whether the same transaction would come to the same end.
const fn is_lasting(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::PermissionDenied
            | ErrorKind::InvalidArgument
            | ErrorKind::ConfigInvalid
            | ErrorKind::TooLarge
            | ErrorKind::Codec
            | ErrorKind::NotFound
            | ErrorKind::Unsupported
    )
}
