//! F19: what a cluster answers to single requests, as a publish tells it.

use glmsg_core::ErrorKind as K;
use rdkafka::mocking::MockCluster;
use rdkafka::types::RDKafkaApiKey;
use rdkafka::types::RDKafkaRespErr::{self, *};

use crate::KafkaConfig;
use crate::connection::Link;
use crate::producer::Record;

/// A publish that is answered so, twice. `None` if it is stored all the same.
async fn answered(answer: RDKafkaRespErr) -> Option<glmsg_core::Error> {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("flights", 1, 1).unwrap();
    let url = format!("kafka://{}", cluster.bootstrap_servers());
    let link = Link::new(KafkaConfig::from_url(&url).unwrap()).unwrap();
    let send = async |value: &[u8]| {
        let record = Record {
            topic: "flights",
            partition: Some(0),
            key: None,
            value: Some(value),
            headers: None,
        };
        link.producer.send_one(record).await
    };
    send(b"before").await.unwrap();
    cluster.request_errors(RDKafkaApiKey::Produce, &[answer, answer]);
    let outcome = send(b"x").await.err();
    let end = link
        .client()
        .fetch_watermarks("flights", 0, std::time::Duration::from_secs(20));
    let stored = end.unwrap().1;
    let expected = if outcome.is_none() { 2 } else { 1 };
    assert_eq!(
        stored, expected,
        "{answer:?}: stored {stored}, told {outcome:?}"
    );
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_stored_once() {
    for answer in [
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
        RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    ] {
        let told = answered(answer).await;
        assert!(told.is_none(), "{answer:?}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pass_is_told_by_its_kind() {
    for (answer, kind) in [
        (RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, K::TooLarge),
        (RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, K::TooLarge),
        (RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, K::Throttled),
        (
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            K::PermissionDenied,
        ),
        (RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, K::InvalidArgument),
        (RD_KAFKA_RESP_ERR_POLICY_VIOLATION, K::PermissionDenied),
        (RD_KAFKA_RESP_ERR_INVALID_RECORD, K::Codec),
        (
            RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE,
            K::Unsupported,
        ),
    ] {
        let told = answered(answer).await.map(|error| error.kind());
        assert_eq!(told, Some(kind), "{answer:?}");
    }
}
