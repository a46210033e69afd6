//! The codes of the cluster and of the client library.

mod refusal;

use glmsg_core::{Error, ErrorKind as K};
use rdkafka::error::RDKafkaErrorCode as Code;

const REACH: &str = "check that the cluster runs and can be reached, then try again";
const LATER: &str = "try again when the cluster has found its leaders";
const DEFECT: &str = "this is a defect in glmsg: please report it";

struct Meaning {
    kind: K,
    text: &'static str,
    remedy: &'static str,
    /// What was sent may have been done all the same.
    in_doubt: bool,
}

const fn meaning(kind: K, text: &'static str, remedy: &'static str) -> Meaning {
    Meaning {
        kind,
        text,
        remedy,
        in_doubt: false,
    }
}

/// One after which nobody knows what became of a request that was sent.
const fn in_doubt(kind: K, text: &'static str, remedy: &'static str) -> Meaning {
    Meaning {
        in_doubt: true,
        ..meaning(kind, text, remedy)
    }
}

pub(super) fn describe(code: Code, was_sent: bool) -> Error {
    let meaning = look_up(code);
    let kind = if was_sent && meaning.in_doubt {
        K::Indeterminate
    } else {
        meaning.kind
    };
    let error = Error::new(kind, meaning.text).with("kafka", format!("{code:?}"));
    if meaning.remedy.is_empty() {
        error
    } else {
        error.remedy(meaning.remedy)
    }
}

fn look_up(code: Code) -> Meaning {
    network(code)
        .or_else(|| cluster(code))
        .or_else(|| refusal::security(code))
        .or_else(|| refusal::content(code))
        .or_else(|| refusal::names(code))
        .or_else(|| refusal::owners(code))
        .or_else(|| refusal::settings(code))
        .unwrap_or_else(|| rest(code))
}

/// The way to the cluster.
fn network(code: Code) -> Option<Meaning> {
    Some(match code {
        Code::MessageTimedOut | Code::RequestTimedOut | Code::OperationTimedOut => {
            in_doubt(K::Timeout, "the cluster did not answer in time", REACH)
        }
        Code::TimedOutQueue => in_doubt(
            K::Timeout,
            "the request waited in our queue until its time was over",
            REACH,
        ),
        Code::BrokerTransportFailure | Code::NetworkException => in_doubt(
            K::Unavailable,
            "the connection to a broker was lost or did not come about",
            REACH,
        ),
        Code::AllBrokersDown => in_doubt(K::Unavailable, "no broker can be reached", REACH),
        Code::Resolve => meaning(
            K::Unavailable,
            "the name of a broker cannot be resolved",
            "check the hosts of the URL, and the brokers' advertised.listeners",
        ),
        Code::QueueFull => meaning(
            K::Throttled,
            "our queue to the cluster is full",
            "publish more slowly, or wait for publishes before the next ones",
        ),
        Code::PurgeQueue => meaning(
            K::Closed,
            "the broker was closed before the message was sent",
            "",
        ),
        Code::PurgeInflight | Code::BrokerDestroy | Code::DestroyBroker => in_doubt(
            K::Closed,
            "the broker was closed before the answer came",
            "",
        ),
        _ => return None,
    })
}

/// What a cluster cannot do for now.
fn cluster(code: Code) -> Option<Meaning> {
    Some(match code {
        Code::NotEnoughReplicasAfterAppend => in_doubt(
            K::Indeterminate,
            "the message was stored by fewer copies than must have it",
            "bring the missing brokers back, or lower the topic's min.insync.replicas",
        ),
        Code::NotEnoughReplicas | Code::ISRInsufficient => meaning(
            K::Unavailable,
            "fewer copies are in sync than must have a message",
            "bring the missing brokers back, or lower the topic's min.insync.replicas",
        ),
        Code::ThrottlingQuotaExceeded => meaning(
            K::Throttled,
            "the cluster's quota is used up",
            "go on more slowly, or have the quota raised",
        ),
        Code::GroupMaxSizeReached => meaning(
            K::Full,
            "the group has as many members as the cluster allows",
            "start fewer, or raise the brokers' group.max.size",
        ),
        Code::KafkaStorageError => in_doubt(
            K::Unavailable,
            "a broker cannot use its disk",
            "see the broker's log: most often its disk is full or broken",
        ),
        Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::BrokerNotAvailable
        | Code::ReplicaNotAvailable
        | Code::FencedLeaderEpoch
        | Code::UnknownLeaderEpoch
        | Code::OffsetNotAvailable
        | Code::PreferredLeaderNotAvailable
        | Code::EligibleLeadersNotAvailable
        | Code::ListenerNotFound
        | Code::ReassignmentInProgress => {
            meaning(K::Unavailable, "a partition has no leader now", LATER)
        }
        Code::CoordinatorLoadInProgress
        | Code::CoordinatorNotAvailable
        | Code::NotCoordinator
        | Code::WaitingForCoordinator => {
            meaning(K::Unavailable, "the group has no coordinator now", LATER)
        }
        Code::NotController
        | Code::StaleControllerEpoch
        | Code::StaleBrokerEpoch
        | Code::RebootstrapRequired => {
            meaning(K::Unavailable, "the cluster has no controller now", LATER)
        }
        Code::RebalanceInProgress
        | Code::MemberIdRequired
        | Code::UnstableOffsetCommit
        | Code::UnreleasedInstanceId => meaning(
            K::Unavailable,
            "the group is sharing out its partitions",
            "try again when it is done",
        ),
        Code::ConcurrentTransactions
        | Code::FetchSessionIdNotFound
        | Code::InvalidFetchSessionEpoch
        | Code::InvalidDifferentRecord
        | Code::CriticalSystemResource
        | Code::InProgress
        | Code::PreviousInProgress
        | Code::WaitCache
        | Code::Interrupted
        | Code::Retry => meaning(K::Unavailable, "it cannot be done just now", "try again"),
        _ => return None,
    })
}

fn rest(code: Code) -> Meaning {
    match code {
        Code::OutOfOrderSequenceNumber
        | Code::DuplicateSequenceNumber
        | Code::UnknownProducerId
        | Code::GaplessGuarantee
        | Code::Inconsistent
        | Code::Fatal => in_doubt(
            K::Unexpected,
            "the producer can no longer tell what is stored, and must be made anew",
            "look in the brokers' logs for messages that were lost",
        ),
        Code::LogTruncation => meaning(
            K::Unexpected,
            "the cluster has lost the end of a partition",
            "see whether unclean.leader.election.enable is set",
        ),
        Code::Unknown => in_doubt(
            K::Unexpected,
            "a broker failed in a way it does not tell",
            "see the broker's log",
        ),
        Code::InvalidRequest => meaning(K::Unexpected, "the cluster refuses a request", DEFECT),
        _ => meaning(K::Unexpected, "Kafka answered with an error", ""),
    }
}
