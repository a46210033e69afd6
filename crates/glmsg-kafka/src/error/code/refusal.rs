//! What a cluster refuses for good.

use glmsg_core::ErrorKind as K;
use rdkafka::error::RDKafkaErrorCode as Code;

use super::{Meaning, meaning};

/// Who may do what.
pub(super) fn security(code: Code) -> Option<Meaning> {
    Some(match code {
        Code::Authentication | Code::SaslAuthenticationFailed => meaning(
            K::PermissionDenied,
            "the cluster refuses the user or the password",
            "check the login of the URL, password_file, and that sasl names what the cluster uses",
        ),
        Code::UnsupportedSASLMechanism => meaning(
            K::ConfigInvalid,
            "the cluster does not know this way to log in",
            "choose another: sasl=plain, scram-sha-256 or scram-sha-512",
        ),
        Code::IllegalSASLState | Code::SecurityDisabled => meaning(
            K::ConfigInvalid,
            "the cluster wants no login, or another one",
            "take the login out of the URL, or name the port that takes logins",
        ),
        Code::SSL => meaning(
            K::PermissionDenied,
            "no secret connection could be made",
            "name the file of the cluster's authority: ca=PATH; check hosts, port and clock",
        ),
        Code::TopicAuthorizationFailed => meaning(
            K::PermissionDenied,
            "the cluster does not allow this user to do it with the topic",
            "allow the user to read, write, describe and create what it uses",
        ),
        Code::GroupAuthorizationFailed => meaning(
            K::PermissionDenied,
            "the cluster does not allow this user to read in the group",
            "allow the user to read the group",
        ),
        Code::ClusterAuthorizationFailed => meaning(
            K::PermissionDenied,
            "the cluster does not allow this user to do it",
            "allow the user IdempotentWrite, and Create where topics are to be made",
        ),
        Code::TransactionalIdAuthorizationFailed => meaning(
            K::PermissionDenied,
            "the cluster does not allow this user the transactional id",
            "allow the user to write and describe it",
        ),
        Code::PolicyViolation => meaning(
            K::PermissionDenied,
            "a policy of the cluster refuses it",
            "ask who runs the cluster what a topic may be like",
        ),
        Code::DelegationTokenAuthDisabled
        | Code::DelegationTokenNotFound
        | Code::DelegationTokenOwnerMismatch
        | Code::DelegationTokenRequestNotAllowed
        | Code::DelegationTokenAuthorizationFailed
        | Code::DelegationTokenExpired => meaning(
            K::PermissionDenied,
            "the cluster refuses the token",
            "log in with a user and a password",
        ),
        _ => return None,
    })
}

/// What is sent and received.
pub(super) fn content(code: Code) -> Option<Meaning> {
    Some(match code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
            meaning(
                K::TooLarge,
                "the message is larger than the topic allows",
                "raise the topic's max.message.bytes, or lower max_payload to it",
            )
        }
        Code::OffsetMetadataTooLarge | Code::InvalidCommitOffsetSize => meaning(
            K::TooLarge,
            "what a group keeps of its place is larger than the cluster allows",
            "raise the brokers' offset.metadata.max.bytes",
        ),
        Code::InvalidMessage | Code::BadMessage | Code::Underflow => meaning(
            K::Codec,
            "a record is damaged",
            "check the disks and the memory of the brokers, and the network",
        ),
        Code::BadCompression => meaning(
            K::Codec,
            "a record is compressed in a way that cannot be read",
            "it may need the feature zstd of glmsg-kafka",
        ),
        Code::InvalidRecord => meaning(
            K::Codec,
            "the cluster refuses the record",
            "a topic that is compacted wants a key in each message",
        ),
        Code::KeySerialization
        | Code::ValueSerialization
        | Code::KeyDeserialization
        | Code::ValueDeserialization => meaning(K::Codec, "a record cannot be read or written", ""),
        Code::InvalidTimestamp => meaning(
            K::InvalidArgument,
            "the cluster refuses the time of the message",
            "check this machine's clock, and the topic's message.timestamp settings",
        ),
        Code::UnsupportedCompressionType => meaning(
            K::Unsupported,
            "the cluster does not take this compression",
            "choose another compression, or none",
        ),
        _ => return None,
    })
}

/// What is there and what is not.
pub(super) fn names(code: Code) -> Option<Meaning> {
    Some(match code {
        Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicId => meaning(
            K::NotFound,
            "the cluster has no such topic or partition",
            "create the topic; a new one is known everywhere after a moment",
        ),
        Code::GroupIdNotFound | Code::UnknownGroup => {
            meaning(K::NotFound, "the cluster has no such group", "")
        }
        Code::OffsetOutOfRange | Code::NoOffset | Code::AutoOffsetReset => meaning(
            K::NotFound,
            "the place is not in the topic, or not any more",
            "begin at the oldest message",
        ),
        Code::NoEnt | Code::ResourceNotFound => meaning(K::NotFound, "it is not there", ""),
        Code::TopicAlreadyExists => meaning(K::AlreadyExists, "the topic exists already", ""),
        Code::InvalidTopic => meaning(
            K::InvalidArgument,
            "the cluster refuses the name of the topic",
            "look for one that differs only in . and _, which the cluster takes for the same",
        ),
        Code::InvalidGroupId => meaning(
            K::InvalidArgument,
            "the cluster refuses the name of the group",
            "",
        ),
        Code::TopicDeletionDisabled => meaning(
            K::Unsupported,
            "the cluster does not delete topics",
            "set delete.topic.enable on the brokers",
        ),
        _ => return None,
    })
}

/// Who holds what.
pub(super) fn owners(code: Code) -> Option<Meaning> {
    Some(match code {
        Code::IllegalGeneration
        | Code::UnknownMemberId
        | Code::FencedMemberEpoch
        | Code::StaleMemberEpoch
        | Code::AssignmentLost => meaning(
            K::Conflict,
            "the partition belongs to another member of the group by now",
            "nothing is lost: what was not acked is delivered there",
        ),
        Code::PollExceeded => meaning(
            K::Conflict,
            "the member did not ask for messages for too long, and lost its partitions",
            "see whether something blocks the threads of the runtime",
        ),
        Code::FencedInstanceId => meaning(
            K::Conflict,
            "another member has the same instance name",
            "give each process an instance of its own, then subscribe again",
        ),
        Code::ProducerFenced
        | Code::InvalidProducerEpoch
        | Code::InvalidProducerIdMapping
        | Code::TransactionCoordinatorFenced
        | Code::Fenced => meaning(
            K::Conflict,
            "another producer took over the transactional id",
            "see whether two processes have the same one",
        ),
        Code::InconsistentGroupProtocol => meaning(
            K::Conflict,
            "the members of the group share out partitions in another way",
            "stop the others first, or set group_protocol to theirs",
        ),
        Code::NonEmptyGroup | Code::GroupSubscribedToTopic => meaning(
            K::Conflict,
            "the group has members",
            "stop its consumers first",
        ),
        Code::State
        | Code::ExistingSubscription
        | Code::Conflict
        | Code::InvalidTransactionalState => {
            meaning(K::Conflict, "the client is not in a state for it", "")
        }
        _ => return None,
    })
}

/// What was asked for.
pub(super) fn settings(code: Code) -> Option<Meaning> {
    Some(match code {
        Code::InvalidReplicationFactor => meaning(
            K::ConfigInvalid,
            "the cluster cannot keep so many copies",
            "lower replication to at most the number of brokers",
        ),
        Code::InvalidPartitions | Code::InvalidReplicaAssignment => meaning(
            K::ConfigInvalid,
            "the cluster refuses the number of partitions",
            "a topic can get more of them, never fewer",
        ),
        Code::InvalidSessionTimeout => meaning(
            K::ConfigInvalid,
            "the cluster does not allow this session timeout",
            "choose one between the brokers' group.min. and group.max.session.timeout.ms",
        ),
        Code::InvalidTransactionTimeout => meaning(
            K::ConfigInvalid,
            "the cluster does not allow transactions to take so long",
            "raise the brokers' transaction.max.timeout.ms",
        ),
        Code::InvalidConfig | Code::InvalidArgument | Code::InvalidRequiredAcks => meaning(
            K::ConfigInvalid,
            "a setting is not acceptable to the cluster or the client library",
            "see the log for its name",
        ),
        Code::UnsupportedVersion | Code::UnsupportedForMessageFormat | Code::UnsupportedFeature => {
            meaning(
                K::Unsupported,
                "the cluster is too old for this",
                "use Kafka 2.8 or newer; group_protocol=consumer needs 4.0",
            )
        }
        Code::NotImplemented | Code::NotConfigured => meaning(
            K::Unsupported,
            "the client library is built or set up without this",
            "",
        ),
        Code::UnsupportedAssignor => meaning(
            K::Unsupported,
            "the cluster does not share out partitions in this way",
            "use group_protocol=classic",
        ),
        _ => return None,
    })
}
