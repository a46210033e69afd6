//! F19: a cluster that refuses single requests for a while, of every kind that a group needs. Nothing is lost by it.

use std::collections::BTreeSet;
use std::time::Duration;

use glmsg_broker::{Backend as _, Published, Settler as _, Source as _, SubscribeOptions};
use glmsg_core::{GroupName, Message, MessageId, TopicName};
use glmsg_kafka::{KafkaBroker, KafkaConfig};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::RDKafkaApiKey as Api;
use rdkafka::types::RDKafkaRespErr::{self, *};

/// What passes by itself, each kind of request more than once.
const TROUBLE: &[(Api, &[RDKafkaRespErr])] = &[
    (
        Api::Produce,
        &[
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        ],
    ),
    (
        Api::Fetch,
        &[
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        ],
    ),
    (
        Api::ListOffsets,
        &[
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        ],
    ),
    (
        Api::FindCoordinator,
        &[
            RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        ],
    ),
    (
        Api::JoinGroup,
        &[
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
            RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        ],
    ),
    (
        Api::OffsetCommit,
        &[
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
            RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        ],
    ),
    (
        Api::OffsetFetch,
        &[
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
            RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        ],
    ),
];

/// The mock makes no topics by request, so those of a topic and its group are there before.
fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(3).unwrap();
    for (name, partitions) in [
        ("flights", 4),
        ("flights..low", 4),
        ("flights..high", 4),
        ("flights..critical", 4),
        ("flights..later", 4),
        ("flights..g..retry", 6),
        ("flights..g..dead", 1),
    ] {
        cluster.create_topic(name, partitions, 3).unwrap();
    }
    cluster
}

fn trouble(cluster: &MockCluster<'_, DefaultProducerContext>) {
    for (api, answers) in TROUBLE {
        cluster.request_errors(*api, answers);
    }
}

async fn publish(broker: &KafkaBroker) -> MessageId {
    let message = Message::new("flights", "DTW-LAS").unwrap();
    let outcome = broker
        .publish(std::slice::from_ref(&message))
        .await
        .unwrap();
    assert!(matches!(outcome[0], Published::Stored), "{outcome:?}");
    message.id()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_refused_for_a_while_lose_nothing() {
    let cluster = cluster();
    let url = format!("kafka://{}?timeout_ms=20000", cluster.bootstrap_servers());
    let broker = KafkaBroker::open(KafkaConfig::from_url(&url).unwrap())
        .await
        .unwrap();
    let mut published = BTreeSet::new();
    published.insert(publish(&broker).await);
    trouble(&cluster);
    let options = SubscribeOptions::new("flights", "g").unwrap();
    let mut source = broker.subscribe(&options).await.unwrap();
    let settler = source.settler();
    let mut done = BTreeSet::new();
    for round in 0..4 {
        for _ in 0..10 {
            published.insert(publish(&broker).await);
        }
        if round == 1 {
            trouble(&cluster);
        }
        while done.len() < published.len() {
            let mut received = Vec::new();
            let taken =
                tokio::time::timeout(Duration::from_secs(60), source.recv(&mut received, 20));
            taken.await.expect("messages come").unwrap();
            for one in received {
                settler.ack(&[one.token]).await.unwrap();
                done.insert(one.message.id());
            }
        }
    }
    assert_eq!(done, published);
    drop(source);
    for (api, _) in TROUBLE {
        cluster.clear_request_errors(*api);
    }
    broker.close().await.unwrap();
    let broker = KafkaBroker::open(KafkaConfig::from_url(&url).unwrap())
        .await
        .unwrap();
    let (topic, group) = (
        TopicName::new("flights").unwrap(),
        GroupName::new("g").unwrap(),
    );
    let lag = broker.lag(&topic, &group).await.unwrap();
    assert_eq!(lag.total(), 0, "{lag:?}");
}
