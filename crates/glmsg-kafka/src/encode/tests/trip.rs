//! By way of a cluster, if only the client library's own pretence of one: the settings work, and a
//! record comes back as it went.

use std::time::Instant;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::*;
use crate::config::{Address, Compression};
use crate::connection::Link;
use crate::producer::Record;

const WAIT: Duration = Duration::from_secs(30);

fn cluster() -> (MockCluster<'static, DefaultProducerContext>, KafkaConfig) {
    let cluster = MockCluster::new(3).unwrap();
    let servers = cluster.bootstrap_servers();
    let servers = servers.split(',').map(|at| Address::parse(at, 1).unwrap());
    let config = KafkaConfig::new().servers(servers.collect::<Vec<_>>());
    (cluster, config)
}

#[tokio::test]
async fn records_come_back_as_they_went() {
    for compression in [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        #[cfg(feature = "zstd")]
        Compression::Zstd,
    ] {
        come_back(compression).await;
    }
}

/// What our own client has sent is what the library's reads.
async fn come_back(compression: Compression) {
    let (cluster, config) = cluster();
    cluster.create_topic("flights", 1, 3).unwrap();
    let config = config.compression(compression);
    let link = Link::new(config.clone()).unwrap();
    let send = async |key: Option<&[u8]>, value: &[u8], headers: Option<&Written>| {
        let record = Record {
            topic: "flights",
            partition: None,
            key,
            value: Some(value),
            headers,
        };
        link.producer.send_one(record).await.unwrap();
    };

    let mut sent = Vec::new();
    for encoding in ALL {
        for message in [
            message(),
            message().payload("").key("").header("empty", ""),
            Message::builder("flights").payload(vec![7; 700_000]),
        ] {
            let message = message.id(MessageId::new()).build().unwrap();
            let encoder = encoder(encoding);
            let encoded = encoder.encode(&message).unwrap();
            send(encoded.key, &encoded.value, Some(&encoded.headers)).await;
            sent.push(message);
        }
    }
    send(None, b"other", None).await;

    let consumer: BaseConsumer = config.consumer("g").unwrap().create().unwrap();
    consumer.subscribe(&["flights"]).unwrap();
    let mut received = Vec::new();
    let end = Instant::now() + WAIT;
    while received.len() <= sent.len() {
        assert!(Instant::now() < end, "{} came", received.len());
        let Some(Ok(record)) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        received.push(decode_record(&topic(), &record).unwrap());
    }
    let last = received.pop().unwrap();
    assert_eq!(received, sent);
    for message in &received {
        message.verify().unwrap();
    }
    assert_eq!(last.payload(), "other");
    let place = Origin {
        partition: 0,
        offset: 9,
        ..ORIGIN
    };
    assert_eq!(last.id(), place.id());
    assert!(last.created_at() > Timestamp::EPOCH);
}
