//! By way of a cluster, if only the client library's own pretence of one: the settings work, and a
//! record comes back as it went.

use std::time::Instant;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};

use super::*;
use crate::config::{Address, Compression};

const WAIT: Duration = Duration::from_secs(30);

fn cluster() -> (MockCluster<'static, DefaultProducerContext>, KafkaConfig) {
    let cluster = MockCluster::new(3).unwrap();
    let servers = cluster.bootstrap_servers();
    let servers = servers.split(',').map(|at| Address::parse(at, 1).unwrap());
    let config = KafkaConfig::new().servers(servers.collect::<Vec<_>>());
    (cluster, config)
}

fn send(producer: &BaseProducer, encoded: Encoded<'_>) {
    let mut record = BaseRecord::<[u8], [u8]>::to("flights")
        .payload(&encoded.value)
        .headers(encoded.headers);
    if let Some(key) = encoded.key {
        record = record.key(key);
    }
    producer.send(record).map_err(|(e, _)| e).unwrap();
}

#[test]
fn records_come_back_as_they_went() {
    let (cluster, config) = cluster();
    cluster.create_topic("flights", 1, 3).unwrap();
    let config = config.compression(Compression::Lz4);
    let producer: BaseProducer = config.producer().unwrap().create().unwrap();

    let mut sent = Vec::new();
    for encoding in ALL {
        for message in [
            message(),
            message().payload("").key("").header("empty", ""),
            Message::builder("flights").payload(vec![7; 700_000]),
        ] {
            let message = message.id(MessageId::new()).build().unwrap();
            send(&producer, encoder(encoding).encode(&message).unwrap());
            sent.push(message);
        }
    }
    let other = BaseRecord::<[u8], [u8]>::to("flights").payload(b"other");
    producer.send(other).map_err(|(e, _)| e).unwrap();
    producer.flush(WAIT).unwrap();

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

/// Headers as the library hands them out, the first of which has a name that is not UTF-8.
struct Panics;

impl Headers for Panics {
    fn count(&self) -> usize {
        2
    }

    fn try_get(&self, n: usize) -> Option<Header<'_, &[u8]>> {
        assert_ne!(n, 0, "the library does this, too");
        Some(Header {
            key: "tenant",
            value: None,
        })
    }
}

#[test]
fn a_name_that_is_no_text_ends_nothing() {
    assert_eq!(header_at(&Panics, 0), None);
    assert_eq!(header_at(&Panics, 1), Some(("tenant", None)));
}
