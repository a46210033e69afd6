//! Each fault has its kind, and says what to do.

use glmsg_core::ErrorKind as K;
use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::{BaseProducer, Producer};

use super::*;

mod answers;
mod real;

/// The code, its kind where nothing was sent, its kind where something was, whether trying again
/// helps in the first case.
const TABLE: &[(Code, K, K, bool)] = &[
    (Code::MessageTimedOut, K::Timeout, K::Indeterminate, true),
    (Code::RequestTimedOut, K::Timeout, K::Indeterminate, true),
    (Code::OperationTimedOut, K::Timeout, K::Indeterminate, true),
    (
        Code::BrokerTransportFailure,
        K::Unavailable,
        K::Indeterminate,
        true,
    ),
    (
        Code::NetworkException,
        K::Unavailable,
        K::Indeterminate,
        true,
    ),
    (Code::AllBrokersDown, K::Unavailable, K::Indeterminate, true),
    (
        Code::KafkaStorageError,
        K::Unavailable,
        K::Indeterminate,
        true,
    ),
    (
        Code::NotEnoughReplicasAfterAppend,
        K::Indeterminate,
        K::Indeterminate,
        true,
    ),
    (Code::PurgeInflight, K::Closed, K::Indeterminate, false),
    (Code::Fatal, K::Unexpected, K::Indeterminate, false),
    (Code::Unknown, K::Unexpected, K::Indeterminate, false),
    (
        Code::OutOfOrderSequenceNumber,
        K::Unexpected,
        K::Indeterminate,
        false,
    ),
    (Code::PurgeQueue, K::Closed, K::Closed, false),
    (Code::Resolve, K::Unavailable, K::Unavailable, true),
    (Code::QueueFull, K::Throttled, K::Throttled, true),
    (
        Code::ThrottlingQuotaExceeded,
        K::Throttled,
        K::Throttled,
        true,
    ),
    (Code::GroupMaxSizeReached, K::Full, K::Full, true),
    (
        Code::NotEnoughReplicas,
        K::Unavailable,
        K::Unavailable,
        true,
    ),
    (
        Code::LeaderNotAvailable,
        K::Unavailable,
        K::Unavailable,
        true,
    ),
    (
        Code::NotLeaderForPartition,
        K::Unavailable,
        K::Unavailable,
        true,
    ),
    (
        Code::CoordinatorLoadInProgress,
        K::Unavailable,
        K::Unavailable,
        true,
    ),
    (Code::NotCoordinator, K::Unavailable, K::Unavailable, true),
    (Code::NotController, K::Unavailable, K::Unavailable, true),
    (
        Code::RebalanceInProgress,
        K::Unavailable,
        K::Unavailable,
        true,
    ),
    (
        Code::ConcurrentTransactions,
        K::Unavailable,
        K::Unavailable,
        true,
    ),
    (Code::MessageSizeTooLarge, K::TooLarge, K::TooLarge, false),
    (Code::MessageBatchTooLarge, K::TooLarge, K::TooLarge, false),
    (
        Code::OffsetMetadataTooLarge,
        K::TooLarge,
        K::TooLarge,
        false,
    ),
    (
        Code::UnknownTopicOrPartition,
        K::NotFound,
        K::NotFound,
        false,
    ),
    (Code::UnknownTopic, K::NotFound, K::NotFound, false),
    (Code::UnknownPartition, K::NotFound, K::NotFound, false),
    (Code::GroupIdNotFound, K::NotFound, K::NotFound, false),
    (Code::OffsetOutOfRange, K::NotFound, K::NotFound, false),
    (
        Code::TopicAlreadyExists,
        K::AlreadyExists,
        K::AlreadyExists,
        false,
    ),
    (
        Code::Authentication,
        K::PermissionDenied,
        K::PermissionDenied,
        false,
    ),
    (
        Code::SaslAuthenticationFailed,
        K::PermissionDenied,
        K::PermissionDenied,
        false,
    ),
    (Code::SSL, K::PermissionDenied, K::PermissionDenied, false),
    (
        Code::TopicAuthorizationFailed,
        K::PermissionDenied,
        K::PermissionDenied,
        false,
    ),
    (
        Code::GroupAuthorizationFailed,
        K::PermissionDenied,
        K::PermissionDenied,
        false,
    ),
    (
        Code::ClusterAuthorizationFailed,
        K::PermissionDenied,
        K::PermissionDenied,
        false,
    ),
    (
        Code::TransactionalIdAuthorizationFailed,
        K::PermissionDenied,
        K::PermissionDenied,
        false,
    ),
    (
        Code::UnsupportedSASLMechanism,
        K::ConfigInvalid,
        K::ConfigInvalid,
        false,
    ),
    (
        Code::InvalidReplicationFactor,
        K::ConfigInvalid,
        K::ConfigInvalid,
        false,
    ),
    (
        Code::InvalidPartitions,
        K::ConfigInvalid,
        K::ConfigInvalid,
        false,
    ),
    (
        Code::InvalidSessionTimeout,
        K::ConfigInvalid,
        K::ConfigInvalid,
        false,
    ),
    (
        Code::InvalidConfig,
        K::ConfigInvalid,
        K::ConfigInvalid,
        false,
    ),
    (
        Code::InvalidTopic,
        K::InvalidArgument,
        K::InvalidArgument,
        false,
    ),
    (Code::IllegalGeneration, K::Conflict, K::Conflict, false),
    (Code::UnknownMemberId, K::Conflict, K::Conflict, false),
    (Code::AssignmentLost, K::Conflict, K::Conflict, false),
    (Code::FencedInstanceId, K::Conflict, K::Conflict, false),
    (Code::ProducerFenced, K::Conflict, K::Conflict, false),
    (Code::Fenced, K::Conflict, K::Conflict, false),
    (
        Code::InconsistentGroupProtocol,
        K::Conflict,
        K::Conflict,
        false,
    ),
    (Code::NonEmptyGroup, K::Conflict, K::Conflict, false),
    (Code::PollExceeded, K::Conflict, K::Conflict, false),
    (Code::State, K::Conflict, K::Conflict, false),
    (
        Code::UnsupportedVersion,
        K::Unsupported,
        K::Unsupported,
        false,
    ),
    (
        Code::UnsupportedFeature,
        K::Unsupported,
        K::Unsupported,
        false,
    ),
    (
        Code::TopicDeletionDisabled,
        K::Unsupported,
        K::Unsupported,
        false,
    ),
    (Code::InvalidMessage, K::Codec, K::Codec, false),
    (Code::BadMessage, K::Codec, K::Codec, false),
    (Code::BadCompression, K::Codec, K::Codec, false),
    (Code::InvalidRecord, K::Codec, K::Codec, false),
    (Code::Fail, K::Unexpected, K::Unexpected, false),
    (Code::NoError, K::Unexpected, K::Unexpected, false),
];

#[test]
fn every_code_has_its_kind() {
    for &(code, unsent, sent, transient) in TABLE {
        let error = from_code(code, false);
        assert_eq!(error.kind(), unsent, "{code:?}");
        assert_eq!(error.is_transient(), transient, "{code:?}");
        assert_eq!(from_code(code, true).kind(), sent, "{code:?}");
        // The same by way of the library's error.
        for wrapped in [
            KafkaError::MessageProduction(code),
            KafkaError::AdminOp(code),
            KafkaError::ConsumerCommit(code),
        ] {
            assert_eq!(from_kafka(&wrapped, true).kind(), sent, "{wrapped:?}");
        }
        let text = error.to_string();
        assert!(text.contains(&format!("(kafka: {code:?})")), "{text}");
        assert!(!text.contains('\n'), "{text}");
        let plain = [
            K::Unexpected,
            K::Closed,
            K::AlreadyExists,
            K::NotFound,
            K::Conflict,
        ];
        assert!(
            plain.contains(&unsent) || text.contains("; "),
            "no remedy: {text}"
        );
    }
}

#[test]
fn errors_without_a_code() {
    let text = || "no\nsuch thing".to_owned();
    for (error, unsent, sent) in [
        (KafkaError::Canceled, K::Closed, K::Indeterminate),
        (
            KafkaError::ClientCreation(text()),
            K::ConfigInvalid,
            K::ConfigInvalid,
        ),
        (KafkaError::NoMessageReceived, K::Timeout, K::Timeout),
        (KafkaError::Seek(text()), K::Unexpected, K::Unexpected),
        (
            KafkaError::Subscription(text()),
            K::Unexpected,
            K::Unexpected,
        ),
        (KafkaError::PartitionEOF(1), K::Unexpected, K::Unexpected),
    ] {
        assert_eq!(from_kafka(&error, false).kind(), unsent, "{error:?}");
        let told = from_kafka(&error, true);
        assert_eq!(told.kind(), sent, "{error:?}");
        assert!(!told.to_string().contains('\n'), "{told}");
    }
    assert_eq!(closed().kind(), K::Closed);
}

#[test]
fn the_value_of_a_setting_that_may_be_secret_is_not_shown() {
    for (name, shows) in [
        ("ssl.endpoint.identification.algorithm", false),
        ("compression.codec", true),
    ] {
        let mut client = ClientConfig::new();
        client.set(name, "c4n4ry");
        let made = client.create::<BaseProducer>();
        let error = from_kafka(&made.err().unwrap(), false);
        assert_eq!(error.kind(), K::ConfigInvalid, "{error}");
        assert_eq!(error.to_string().contains("c4n4ry"), shows, "{error}");
    }
}

#[test]
fn what_a_transaction_wants() {
    use transaction::{Verdict, judge, verdict};

    for (is_fatal, wants_abort, is_retriable, verdict) in [
        (true, false, false, Verdict::Fatal),
        (true, true, true, Verdict::Fatal),
        (false, true, false, Verdict::Abort),
        (false, true, true, Verdict::Abort),
        (false, false, true, Verdict::Retry),
        (false, false, false, Verdict::Fatal),
    ] {
        assert_eq!(judge(is_fatal, wants_abort, is_retriable), verdict);
    }
    assert_eq!(verdict(&KafkaError::Canceled), Verdict::Fatal);

    // One without a transactional id cannot begin one: an error of neither case.
    let producer = ClientConfig::new().create::<BaseProducer>().unwrap();
    let error = producer.begin_transaction().unwrap_err();
    assert_eq!(verdict(&error), Verdict::Fatal, "{error:?}");
    let told = from_kafka(&error, false);
    assert_eq!(told.kind(), K::Unsupported, "{told}");
    assert!(!told.is_transient());
}
