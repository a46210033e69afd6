//! How quickly a broker at HOST:PORT stores records of 400 bytes in TOPIC.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints figures"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use glmsg_kafka_wire::{Cluster, Endpoint, NewRecord, Producer, ProducerSettings};

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (host, port) = words[0].split_once(':').unwrap();
    let endpoint = Endpoint {
        servers: vec![(host.to_owned(), port.parse().unwrap())],
        client_id: "example".to_owned(),
        timeout: Duration::from_secs(10),
        tls: None,
        login: None,
    };
    let producer = Producer::new(Cluster::new(endpoint), ProducerSettings::default());
    let producer = Arc::new(producer);
    for (tasks, batch) in [(1, 1), (50, 1), (1000, 1), (1, 100)] {
        let started = Instant::now();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..tasks {
            let (producer, topic) = (Arc::clone(&producer), words[1].clone());
            all.spawn(async move {
                let value = vec![7; 400];
                let mut sent = 0;
                while started.elapsed() < Duration::from_secs(3) {
                    let mut call = producer.call(batch);
                    for index in 0..batch {
                        let record = NewRecord {
                            topic: &topic,
                            partition: None,
                            key: None,
                            value: Some(&value),
                            headers: None,
                        };
                        call.put(index, record).await.unwrap();
                    }
                    assert!(call.finish().await.failed.is_empty());
                    sent += u64::from(batch);
                }
                sent
            });
        }
        let sent: u64 = all.join_all().await.iter().sum();
        let rate = sent / 3;
        println!("{tasks} tasks, {batch} a call: {rate} records/s");
    }
}
