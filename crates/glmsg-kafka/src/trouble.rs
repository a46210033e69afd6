//! Why no broker is reached: the client library tells it apart from the calls that fail of it.

use std::sync::{Mutex, PoisonError};

use glmsg_core::{Error, ErrorKind};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::error::from_code;

/// What was last said of connections that did not come about.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Option<Error>>);

impl Trouble {
    /// The library reports an error of its own, with its reason.
    pub(crate) fn note(&self, error: &KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "the Kafka client reports");
        let code = error.rdkafka_error_code();
        self.keep(code.and_then(|code| read(code, reason)));
    }

    fn keep(&self, found: Option<Error>) {
        if found.is_some() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
    }

    /// A broker has answered.
    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The reason for a failure, if it is one of reaching a broker and the reason is known.
    pub(crate) fn explain(&self, failure: Error) -> Error {
        if !matches!(failure.kind(), ErrorKind::Timeout | ErrorKind::Unavailable) {
            return failure;
        }
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map_or(failure, Error::duplicate)
    }
}

/// What tells more than that nobody answers. The reason may repeat names of ours, so it is not
/// shown.
fn read(code: Code, reason: &str) -> Option<Error> {
    let code = match code {
        // The library has one code for all that goes wrong with a login.
        Code::Authentication
            if reason.contains("mechanism not supported")
                || reason.contains("Unsupported SASL mechanism") =>
        {
            Code::UnsupportedSASLMechanism
        }
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState
        | Code::SSL
        | Code::Resolve => code,
        _ => return None,
    };
    Some(from_code(code, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed_out() -> Error {
        from_code(Code::OperationTimedOut, false)
    }

    #[test]
    fn a_failure_is_explained_by_what_was_told_last() {
        let trouble = Trouble::default();
        assert_eq!(trouble.explain(timed_out()).kind(), ErrorKind::Timeout);
        trouble.note(
            &KafkaError::Global(Code::Authentication),
            "invalid credentials",
        );
        // That nobody can be reached follows from it, and tells less.
        trouble.note(
            &KafkaError::Global(Code::AllBrokersDown),
            "1/1 brokers are down",
        );
        let told = trouble.explain(timed_out());
        assert_eq!(told.kind(), ErrorKind::PermissionDenied);
        assert!(!told.is_transient());
        let other = from_code(Code::TopicAlreadyExists, false);
        assert_eq!(trouble.explain(other).kind(), ErrorKind::AlreadyExists);
        trouble.clear();
        assert_eq!(trouble.explain(timed_out()).kind(), ErrorKind::Timeout);
    }

    #[test]
    fn what_the_library_says_is_not_repeated() {
        let trouble = Trouble::default();
        trouble.note(&KafkaError::Global(Code::SSL), "hush");
        assert!(!trouble.explain(timed_out()).to_string().contains("hush"));
    }
}
