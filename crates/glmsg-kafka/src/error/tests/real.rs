//! Errors that the client library made itself.

use std::time::Duration;

use glmsg_core::ErrorKind as K;
use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;
use crate::error::transaction::{Verdict, verdict};

const WAIT: Duration = Duration::from_secs(20);

/// A producer with a transaction in which something is sent, after `before`.
fn begun(servers: &str, before: impl FnOnce()) -> BaseProducer {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", servers)
        .set("transactional.id", "t");
    let producer: BaseProducer = client.create().unwrap();
    producer.init_transactions(WAIT).unwrap();
    producer.begin_transaction().unwrap();
    before();
    let record = BaseRecord::<[u8], [u8]>::to("flights").payload(b"x");
    producer.send(record).map_err(|(e, _)| e).unwrap();
    producer
}

#[track_caller]
fn wants(error: &KafkaError, expected: Verdict, kind: K, transient: bool) {
    assert_eq!(verdict(error), expected, "{error:?}");
    let told = from_kafka(error, true);
    assert_eq!(told.kind(), kind, "{told}");
    assert_eq!(told.is_transient(), transient, "{told}");
}

#[test]
fn a_transaction_is_given_up_or_aborted() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("flights", 1, 1).unwrap();
    let servers = cluster.bootstrap_servers();

    let fenced = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED];
    let fence = || cluster.request_errors(RDKafkaApiKey::EndTxn, &fenced);
    let error = begun(&servers, fence).commit_transaction(WAIT).unwrap_err();
    wants(&error, Verdict::Fatal, K::Conflict, false);

    let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED];
    let refuse = || cluster.request_errors(RDKafkaApiKey::AddPartitionsToTxn, &refused);
    let producer = begun(&servers, refuse);
    let error = producer.commit_transaction(WAIT).unwrap_err();
    wants(&error, Verdict::Abort, K::PermissionDenied, false);
    producer.abort_transaction(WAIT).unwrap();
}
