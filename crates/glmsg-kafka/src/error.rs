//! What Kafka's errors mean here.

mod code;
pub(crate) mod transaction;

use glmsg_core::{Error, ErrorKind};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// The client library's error in glmsg's terms. `was_sent` tells whether the cluster may have done
/// what was asked.
pub(crate) fn from_kafka(error: &KafkaError, was_sent: bool) -> Error {
    if let KafkaError::Transaction(inner) = error {
        return transaction::describe(inner, was_sent);
    }
    if let KafkaError::AdminOp(code) = error {
        return from_code(*code, was_sent);
    }
    if let Some(code) = error.rdkafka_error_code() {
        return from_code(code, was_sent);
    }
    match error {
        KafkaError::Canceled if was_sent => undecided("the client ended before the answer came"),
        KafkaError::Canceled => closed(),
        KafkaError::ClientConfig(_, text, name, _) => {
            let error = Error::new(
                ErrorKind::ConfigInvalid,
                "the client library refuses a setting",
            )
            .with("setting", name);
            // What the library says repeats the value, which of these may be secret.
            if name.starts_with("sasl.") || name.starts_with("ssl.") {
                error
            } else {
                error.with("detail", shown(text))
            }
        }
        KafkaError::ClientCreation(text) => Error::new(
            ErrorKind::ConfigInvalid,
            "the client library makes no client of these settings",
        )
        .with("detail", shown(text)),
        KafkaError::Nul(_) => Error::new(
            ErrorKind::InvalidArgument,
            "a name or a setting holds the character 0",
        ),
        KafkaError::NoMessageReceived => {
            Error::new(ErrorKind::Timeout, "no message came in its time")
        }
        KafkaError::AdminOpCreation(text)
        | KafkaError::PauseResume(text)
        | KafkaError::Seek(text)
        | KafkaError::Subscription(text) => Error::new(
            ErrorKind::Unexpected,
            "the client library could not do what was asked",
        )
        .with("detail", shown(text)),
        other => Error::new(ErrorKind::Unexpected, "the client library failed")
            .with("detail", shown(&other.to_string())),
    }
}

/// An error code in glmsg's terms.
pub(crate) fn from_code(code: RDKafkaErrorCode, was_sent: bool) -> Error {
    code::describe(code, was_sent)
}

/// What ended a client that takes part in a group, which is not tried again: only another client can.
pub(crate) fn from_fatal(code: RDKafkaErrorCode) -> Error {
    if code == RDKafkaErrorCode::UnreleasedInstanceId {
        let text = "the group still counts the process that had this instance name before";
        return Error::new(ErrorKind::Conflict, text)
            .with("kafka", format!("{code:?}"))
            .remedy("subscribe again when its session is over; if it lives, give each process an instance of its own");
    }
    let error = from_code(code, false);
    match error.is_transient() {
        false => error,
        true => Error::new(
            ErrorKind::Unexpected,
            "the client can take part in the group no more",
        )
        .with("kafka", format!("{code:?}"))
        .remedy("subscribe again"),
    }
}

/// After `close`.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the broker is closed")
}

/// It was sent, and what became of it is not known.
fn undecided(text: &str) -> Error {
    Error::new(ErrorKind::Indeterminate, text)
        .remedy("check that the cluster runs and can be reached, then try again with the same id")
}

/// As much of the library's text as is worth showing, on one line.
fn shown(text: &str) -> String {
    let text = text.chars().take(160);
    text.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
