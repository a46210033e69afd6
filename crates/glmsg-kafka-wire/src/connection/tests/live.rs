//! Connections to brokers that run.

use glmsg_core::ErrorKind;
use kafka_protocol::messages::{ApiVersionsRequest, FetchRequest, MetadataRequest, ProduceRequest};

use super::servers::{open, plain};

#[tokio::test]
async fn a_broker_answers_one_request_after_the_other() {
    let mut connection = open(&plain()).await;
    let version = connection.version::<MetadataRequest>(12).unwrap();
    for _ in 0..100 {
        let request = MetadataRequest::default().with_topics(Some(Vec::new()));
        let answer = connection.ask(&request, version).await.unwrap();
        assert_eq!(answer.brokers.len(), 1);
    }
}

#[tokio::test]
async fn versions_are_those_that_both_know() {
    let mut connection = open(&plain()).await;
    assert_eq!(connection.version::<MetadataRequest>(12).unwrap(), 12);
    assert!(connection.version::<ProduceRequest>(i16::MAX).unwrap() >= 9);
    assert!(connection.version::<FetchRequest>(i16::MAX).unwrap() >= 12);
    // A broker of Kafka 4 knows no version of it that is so old.
    let refused = connection.version::<ProduceRequest>(0).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    // Each has its own form of the answer.
    for version in 0..=connection.version::<ApiVersionsRequest>(4).unwrap() {
        let mut request = ApiVersionsRequest::default();
        if version >= 3 {
            request.client_software_name = "test".into();
            request.client_software_version = "1".into();
        }
        let answer = connection.ask(&request, version).await.unwrap();
        assert!(answer.api_keys.len() > 10);
    }
}
