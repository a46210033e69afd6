//! What is made of the cluster's errors, on a cluster of the client library's that makes them.

use std::time::Duration;

use glmsg_broker::Backend as _;
use glmsg_core::{ErrorKind as K, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::RDKafkaApiKey as Api;
use rdkafka::types::RDKafkaRespErr as Code;

use super::*;

struct Case {
    mock: MockCluster<'static, DefaultProducerContext>,
    broker: KafkaBroker,
    member: Transactional,
}

/// A member of a group whose topic holds one message.
async fn case(timeout_ms: u32) -> Case {
    let mock = MockCluster::new(1).unwrap();
    // It has no requests that make topics.
    for topic in ["from", "to"] {
        for part in ["", "..low", "..high", "..critical", "..later"] {
            mock.create_topic(&format!("{topic}{part}"), 1, 1).unwrap();
        }
    }
    mock.create_topic("from..g..once", 6, 1).unwrap();
    mock.create_topic("from..g..dead", 1, 1).unwrap();
    let url = format!(
        "kafka://{}?timeout_ms={timeout_ms}",
        mock.bootstrap_servers()
    );
    let config = KafkaConfig::from_url(&url).unwrap();
    let broker = KafkaBroker::open(config).await.unwrap();
    let message = Message::new("from", "x").unwrap();
    broker.publish(&[message]).await.unwrap();
    let member = open(&broker).await.unwrap();
    Case {
        mock,
        broker,
        member,
    }
}

async fn open(broker: &KafkaBroker) -> Result<Transactional> {
    let (topic, group) = (TopicName::new("from")?, GroupName::new("g")?);
    let options = TransactionalOptions::new("one");
    broker.transactional(&topic, &group, options).await
}

/// Reads the message, publishes it, and commits once `before` has been done.
async fn copy(member: &mut Transactional, before: impl FnOnce()) -> Result<()> {
    let mut transaction = member.begin().await?;
    let inputs = transaction.recv(10).await?;
    assert_eq!(inputs.len(), 1);
    let copy = Message::new("to", inputs[0].message.payload().clone())?;
    transaction.publish(&[copy]).await?;
    before();
    transaction.commit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_is_busy_or_moves_is_asked_again() {
    let Case {
        mock, mut member, ..
    } = case(10_000).await;
    let errors = [
        Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    ];
    copy(&mut member, || mock.request_errors(Api::EndTxn, &errors))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_shut_out_stays_out() {
    for code in [
        Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
        Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    ] {
        let Case {
            mock,
            broker,
            mut member,
        } = case(10_000).await;
        let fence = || mock.request_errors(Api::EndTxn, &[code]);
        let error = copy(&mut member, fence).await.unwrap_err();
        assert_eq!(error.kind(), K::Conflict, "{error}");
        assert!(!error.is_transient(), "{error}");
        let error = member.begin().await.unwrap_err();
        assert_eq!(error.kind(), K::Conflict, "{error}");
        // The next one of this id takes over.
        let mut next = open(&broker).await.unwrap();
        copy(&mut next, || ()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_that_are_refused_abort_and_all_comes_again() {
    let Case {
        mock, mut member, ..
    } = case(10_000).await;
    for code in [
        Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
    ] {
        let refuse = || mock.request_errors(Api::TxnOffsetCommit, &[code]);
        let error = copy(&mut member, refuse).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert_ne!(error.kind(), K::Indeterminate, "{error}");
    }
    copy(&mut member, || ()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_published_is_told_and_aborted() {
    let Case {
        mock, mut member, ..
    } = case(10_000).await;
    let code = Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    mock.request_errors(Api::AddPartitionsToTxn, &[code]);
    let error = copy(&mut member, || ()).await.unwrap_err();
    assert_eq!(error.kind(), K::PermissionDenied, "{error}");
    copy(&mut member, || ()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_an_answer_is_in_doubt_and_the_next_begins_anew() {
    let Case {
        mock, mut member, ..
    } = case(1000).await;
    let delay = |by| mock.broker_round_trip_time(1, by).unwrap();
    let slow = || delay(Duration::from_secs(30));
    let error = copy(&mut member, slow).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    delay(Duration::ZERO);
    let copying = async {
        while let Err(error) = copy(&mut member, || ()).await {
            assert!(error.is_transient(), "{error}");
        }
    };
    let copied = tokio::time::timeout(Duration::from_secs(60), copying).await;
    copied.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_has_failed() {
    let Case {
        mock, mut member, ..
    } = case(10_000).await;
    member.options.retry_delay = Duration::ZERO;
    let (told, mut tells) = tokio::sync::mpsc::unbounded_channel();
    let handler = |input: Input| {
        told.send(input.attempt).unwrap();
        assert!(input.attempt > 1, "the first time it panics");
        async { Ok::<_, Error>(Vec::new()) }
    };
    tokio::select! {
        ended = member.run(handler) => panic!("it goes on, and is {ended:?}"),
        second = async { (tells.recv().await, tells.recv().await) } => {
            assert_eq!(second, (Some(1), Some(2)));
        }
    }
    drop(mock);
}
