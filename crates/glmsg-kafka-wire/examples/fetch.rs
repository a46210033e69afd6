//! How fast partitions are read: `GLMSG_KAFKA_URL=kafka://127.0.0.1:9092 cargo run --release
//! --example fetch -- 1000000 100`, with how many records there are and how many a batch holds.
//! With `GLMSG_KCAT` the path of kcat, it reads the same once more, as the raw twin.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic)]

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use glmsg_kafka_wire::{Batches, Cluster, Connection, Endpoint, FetchSettings, Fetcher, What};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

const PARTITIONS: i32 = 4;
const VALUE: usize = 330;

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

fn batch(count: i64) -> Bytes {
    let headers = ["id", "created-at", "content-type"].map(|name| {
        let value = Bytes::from_static(b"0197a1b2c3d4");
        (StrBytes::from_static_str(name), Some(value))
    });
    let headers: IndexMap<_, _> = headers.into();
    let each = (0..count).map(|offset| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: i32::try_from(offset).unwrap(),
        timestamp: 1_700_000_000_000,
        key: Some(Bytes::from_static(b"key-of-a-record")),
        value: Some(Bytes::from(vec![b'x'; VALUE])),
        headers: headers.clone(),
    });
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut bytes = BytesMut::new();
    let records: Vec<_> = each.collect();
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.freeze()
}

async fn produce(connection: &mut Connection, topic: &str, partition: i32, records: Bytes) {
    let partition = PartitionProduceData::default()
        .with_index(partition)
        .with_records(Some(records));
    let data = TopicProduceData::default()
        .with_name(name(topic))
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(20_000)
        .with_topic_data(vec![data]);
    loop {
        let answer = connection.ask(&request, 9).await.unwrap();
        match answer.responses[0].partition_responses[0].error_code {
            0 => return,
            // A new leader takes a moment until it knows that it is one.
            3 | 6 => tokio::task::yield_now().await,
            code => panic!("not stored: {code}"),
        }
    }
}

/// A topic with all its leaders, and a connection to its one broker.
async fn prepare(cluster: &Arc<Cluster>, topic: &str) -> Connection {
    let (host, port) = &cluster.endpoint().servers[0];
    let mut connection = Connection::open(cluster.endpoint(), host, *port)
        .await
        .unwrap();
    let wanted = CreatableTopic::default()
        .with_name(name(topic))
        .with_num_partitions(PARTITIONS)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default()
        .with_topics(vec![wanted])
        .with_timeout_ms(20_000);
    let answer = connection.ask(&request, 5).await.unwrap();
    assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
    loop {
        cluster.ask(&[topic]).await.unwrap();
        let leaders = cluster.leaders(topic).unwrap();
        let led = leaders.nodes.iter().collect::<HashSet<_>>();
        if led.len() == 1 && leaders.nodes[0] >= 0 {
            return cluster.connect(leaders.nodes[0]).await.unwrap();
        }
    }
}

/// Processor time so far, of this process and of children that were waited for.
fn processor() -> [Duration; 2] {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let (_, fields) = text.rsplit_once(')').unwrap_or_default();
    let ticks = |n: usize| -> u64 {
        let field = fields.split_whitespace().nth(n);
        field.and_then(|field| field.parse().ok()).unwrap_or(0)
    };
    [11, 13].map(|n| Duration::from_millis((ticks(n) + ticks(n + 1)) * 10))
}

fn report(what: &str, count: u64, began: Instant, used: Duration) {
    let took = began.elapsed();
    let count = u32::try_from(count).unwrap();
    println!(
        "{what}: {:.0} records/s, {:.2} s, processor {:.2} s, {:.2} µs a record",
        f64::from(count) / took.as_secs_f64(),
        took.as_secs_f64(),
        used.as_secs_f64(),
        used.as_secs_f64() * 1e6 / f64::from(count),
    );
}

async fn read(cluster: &Arc<Cluster>, topic: &str, count: u64, each: impl Fn(&Bytes)) {
    let (began, [before, _]) = (Instant::now(), processor());
    let fetcher = Fetcher::new(Arc::clone(cluster), FetchSettings::default());
    for partition in 0..PARTITIONS {
        fetcher.assign(topic.into(), partition, 0);
    }
    let (mut left, mut calls) = (count, 0_u32);
    while left > 0 {
        let What::Records(portion) = fetcher.next().await.what else {
            panic!("no records");
        };
        calls += 1;
        for batch in portion.batches {
            for record in &batch.records().unwrap() {
                let record = record.unwrap();
                assert_eq!(record.headers.count(), 3);
                each(&record.value_bytes().unwrap());
                left -= 1;
            }
        }
    }
    report("fetched", count, began, processor()[0] - before);
    println!("  in {calls} parts");
}

/// How long a record takes from before it is sent until it is there, one after the other.
async fn latency(cluster: &Arc<Cluster>, connection: &mut Connection, topic: &str, at: i64) {
    let fetcher = Fetcher::new(Arc::clone(cluster), FetchSettings::default());
    fetcher.assign(topic.into(), 0, at);
    fetcher.next().await;
    let one = batch(1);
    let (mut stored, mut seen) = (Vec::new(), Vec::new());
    for _ in 0..2000 {
        let began = Instant::now();
        let sending = async {
            produce(connection, topic, 0, one.clone()).await;
            began.elapsed()
        };
        let reading = async {
            fetcher.next().await;
            began.elapsed()
        };
        let (acked, read) = tokio::join!(sending, reading);
        stored.push(acked);
        seen.push(read);
    }
    for (what, mut all) in [("acked", stored), ("read", seen)] {
        all.sort_unstable();
        let (half, most) = (all[all.len() / 2], all[all.len() * 99 / 100]);
        println!("a lone record is {what} after {half:?} (p50), {most:?} (p99)");
    }
}

fn twin(server: &str, topic: &str, count: u64) {
    let Ok(kcat) = std::env::var("GLMSG_KCAT") else {
        return;
    };
    let (began, [_, before]) = (Instant::now(), processor());
    let status = Command::new(kcat)
        .args([
            "-C",
            "-b",
            server,
            "-t",
            topic,
            "-o",
            "beginning",
            "-e",
            "-q",
        ])
        .args(["-f", "", "-X", "check.crcs=true", "-c", &count.to_string()])
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    report("kcat", count, began, processor()[1] - before);
}

fn parse(size: i64) {
    let bytes = batch(size);
    let rounds = 3_000_000 / size;
    let (began, [before, _]) = (Instant::now(), processor());
    let mut count = 0;
    for _ in 0..rounds {
        for batch in Batches::new(bytes.clone()) {
            let batch = batch.unwrap();
            batch.check().unwrap();
            for record in &batch.open(usize::MAX).unwrap() {
                let record = record.unwrap();
                assert_eq!(record.headers.count(), 3);
                assert_eq!(record.value_bytes().unwrap().len(), VALUE);
                count += 1;
            }
        }
    }
    let each = bytes.len() / usize::try_from(size).unwrap();
    println!("a record takes {each} bytes");
    report("parsed", count, began, processor()[0] - before);
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse().unwrap());
    let count: i64 = arguments.next().unwrap_or(1_000_000);
    let size: i64 = arguments.next().unwrap_or(100);
    parse(size);
    let url = std::env::var("GLMSG_KAFKA_URL").unwrap();
    let server = url.trim_start_matches("kafka://").to_owned();
    let (host, port) = server.rsplit_once(':').unwrap();
    let cluster = Cluster::new(Endpoint {
        servers: vec![(host.to_owned(), port.parse().unwrap())],
        client_id: "fetch".to_owned(),
        timeout: Duration::from_secs(20),
        tls: None,
        login: None,
    });
    let topic = format!("wire-example-{}", std::process::id());
    let mut connection = prepare(&cluster, &topic).await;
    let full = batch(size);
    let batches = count / size;
    for n in 0..batches {
        let partition = i32::try_from(n).unwrap() % PARTITIONS;
        produce(&mut connection, &topic, partition, full.clone()).await;
    }
    let count = u64::try_from(batches * size).unwrap();
    for _ in 0..3 {
        read(&cluster, &topic, count, |value| {
            assert_eq!(value.len(), VALUE);
        })
        .await;
        twin(&server, &topic, count);
    }
    latency(&cluster, &mut connection, &topic, -1).await;
    let topics = vec![DeleteTopicState::default().with_name(Some(name(&topic)))];
    let request = DeleteTopicsRequest::default()
        .with_topics(topics)
        .with_timeout_ms(20_000);
    connection.ask(&request, 6).await.unwrap();
}
