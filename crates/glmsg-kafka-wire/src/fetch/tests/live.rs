//! A fetcher and brokers that run.

use std::collections::HashMap;
use std::sync::Arc;

use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};

use super::next;
use super::running::Topic;
use crate::cluster::Cluster;
use crate::connection::tests::servers::{create, open, plain, unique};
use crate::fetch::{FetchSettings, Fetcher, Generation, What};
use crate::record::Compression;
use crate::record::tests::made;

/// Keys and values of so many records, from wherever they come, by partition; and the codecs.
async fn read(fetcher: &Fetcher, count: usize) -> (HashMap<i32, Vec<String>>, Vec<Compression>) {
    let mut lines: HashMap<i32, Vec<String>> = HashMap::new();
    let mut codecs = Vec::new();
    while lines.values().map(Vec::len).sum::<usize>() < count {
        let fetched = next(fetcher).await;
        let What::Records(portion) = fetched.what else {
            panic!("{fetched:?}");
        };
        let lines = lines.entry(fetched.partition).or_default();
        for batch in portion.batches {
            let codec = batch.header().compression;
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
            for record in &batch.records().unwrap() {
                let record = record.unwrap();
                assert_eq!(record.offset, i64::try_from(lines.len()).unwrap());
                assert_eq!(record.headers.find("name"), Some(Some(&b"value"[..])));
                let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec());
                let (key, value) = (text(record.key).unwrap(), text(record.value).unwrap());
                lines.push(format!("{key}:{value}"));
            }
        }
    }
    (lines, codecs)
}

#[tokio::test]
async fn what_another_client_compressed_is_read() {
    let mut codecs = vec![
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4),
    ];
    if cfg!(feature = "zstd") {
        codecs.push(("zstd", Compression::Zstd));
    }
    for (name, codec) in codecs {
        let topic = Topic::new(name, 2).await;
        let fetcher = topic.fetcher(FetchSettings::default());
        let line = |n: usize| format!("key-{n}:{}", "value ".repeat(n % 50 + 1));
        let lines: Vec<_> = (0..2000).map(line).collect();
        for partition in 0..2 {
            fetcher.assign(Arc::clone(&topic.name), partition, 0);
            let arguments = ["-z", name, "-H", "name=value", "-X", "linger.ms=50"];
            topic.kcat(partition, &lines, &arguments);
        }
        let (found, codecs) = read(&fetcher, 4000).await;
        assert_eq!(found[&0], lines);
        assert_eq!(found[&1], lines);
        assert_eq!(codecs, [codec]);
        let marks = fetcher.watermarks(&topic.name, 1).unwrap();
        assert_eq!((marks.next, marks.high_watermark), (2000, 2000));
        topic.end().await;
    }
}

#[tokio::test]
async fn each_record_comes_as_it_is_stored() {
    let mut topic = Topic::new("lone", 1).await;
    let fetcher = topic.fetcher(FetchSettings::default());
    fetcher.assign(Arc::clone(&topic.name), 0, -1);
    let What::Records(portion) = next(&fetcher).await.what else {
        panic!("nothing is told of an end");
    };
    assert_eq!((portion.next, portion.high_watermark), (0, 0));
    for at in 0..200 {
        let record = made(0, None, format!("value {at}").as_bytes());
        assert_eq!(topic.produce(&[record], None).await, at);
        let What::Records(portion) = next(&fetcher).await.what else {
            panic!("no record");
        };
        assert_eq!(portion.next, at + 1);
        let batch = portion.batches.into_iter().next().unwrap();
        let records = batch.records().unwrap();
        let record = records.iter().next().unwrap().unwrap();
        assert_eq!(record.value, Some(format!("value {at}").as_bytes()));
    }
    topic.end().await;
}

#[tokio::test]
async fn what_is_larger_than_all_bounds_comes_all_the_same() {
    let mut topic = Topic::new("large", 1).await;
    let fetcher = topic.fetcher(FetchSettings {
        max_bytes: 1000,
        max_partition_bytes: 500,
        buffer: 2000,
        ..FetchSettings::default()
    });
    for _ in 0..5 {
        topic.produce(&[made(0, None, &[7; 300_000])], None).await;
    }
    fetcher.assign(Arc::clone(&topic.name), 0, 0);
    for at in 1..=5 {
        let What::Records(portion) = next(&fetcher).await.what else {
            panic!("no record");
        };
        assert_eq!(portion.next, at);
        assert!(portion.batches[0].size() > 300_000);
    }
    topic.end().await;
}

#[tokio::test]
async fn what_was_removed_is_passed_over() {
    let mut topic = Topic::new("removed", 1).await;
    for _ in 0..10 {
        topic.produce(&[made(0, None, b"x")], None).await;
    }
    let partition = DeleteRecordsPartition::default()
        .with_partition_index(0)
        .with_offset(6);
    let topics = DeleteRecordsTopic::default()
        .with_name(topic.topic())
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default()
        .with_topics(vec![topics])
        .with_timeout_ms(20_000);
    topic.leader.ask(&request, 2).await.unwrap();
    let fetcher = topic.fetcher(FetchSettings::default());
    for asked in [3, 4000] {
        fetcher.assign(Arc::clone(&topic.name), 0, asked);
        let fetched = next(&fetcher).await;
        let What::Moved {
            asked: was,
            earliest,
        } = fetched.what
        else {
            panic!("{fetched:?}");
        };
        assert_eq!((was, earliest), (asked, 6));
        let What::Records(portion) = next(&fetcher).await.what else {
            panic!("no records");
        };
        assert_eq!(portion.next, 10);
    }
    topic.end().await;
}

#[tokio::test]
async fn a_topic_that_comes_and_goes() {
    let name: Arc<str> = unique("late").into();
    let cluster = Cluster::new(plain());
    let fetcher = Fetcher::new(cluster, FetchSettings::default());
    fetcher.assign(Arc::clone(&name), 0, 0);
    let fetched = next(&fetcher).await;
    assert!(matches!(fetched.what, What::Missing(_)), "{fetched:?}");
    create(&mut open(&plain()).await, &name, 1).await;
    let mut topic = Topic::find(name, 1).await;
    topic.produce(&[made(0, None, b"x")], None).await;
    loop {
        let What::Records(portion) = next(&fetcher).await.what else {
            panic!("no records");
        };
        if portion.next == 1 {
            break;
        }
    }
    topic.end().await;
    let fetched = next(&fetcher).await;
    assert!(matches!(fetched.what, What::Missing(_)), "{fetched:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_paused_and_moved_each_record_comes_once_and_in_order() {
    const PARTITIONS: i32 = 4;
    const EACH: i64 = 5000;
    let topic = Topic::new("moves", PARTITIONS).await;
    for partition in 0..PARTITIONS {
        let lines: Vec<_> = (0..EACH).map(|n| format!("k:{n:0300}")).collect();
        topic.kcat(partition, &lines, &["-X", "batch.num.messages=20"]);
    }
    let fetcher = topic.fetcher(FetchSettings {
        max_partition_bytes: 20_000,
        max_bytes: 50_000,
        buffer: 100_000,
        ..FetchSettings::default()
    });
    let mut random = fastrand::Rng::with_seed(7);
    // Where each assignment is to go on.
    let mut current: Vec<(Generation, i64)> = Vec::new();
    for partition in 0..PARTITIONS {
        let generation = fetcher.assign(Arc::clone(&topic.name), partition, 0);
        current.push((generation, 0));
    }
    let mut moves = 0;
    while current.iter().any(|(_, at)| *at < EACH) {
        let fetched = next(&fetcher).await;
        let index = usize::try_from(fetched.partition).unwrap();
        let (generation, at) = &mut current[index];
        assert_eq!(fetched.generation, *generation);
        let What::Records(portion) = fetched.what else {
            panic!("{:?}", fetched.what);
        };
        for batch in portion.batches {
            for record in &batch.records().unwrap() {
                assert_eq!(record.unwrap().offset, *at);
                *at += 1;
            }
        }
        assert_eq!(portion.next, *at);
        if moves > 400 {
            continue;
        }
        moves += 1;
        let partition = random.i32(0..PARTITIONS);
        let (generation, at) = &mut current[usize::try_from(partition).unwrap()];
        match random.u8(0..6) {
            0 => fetcher.pause(&topic.name, partition),
            1 => {
                fetcher.pause(&topic.name, partition);
                fetcher.resume(&topic.name, partition);
            }
            2 => {
                *at = random.i64(0..EACH);
                *generation = fetcher.seek(&topic.name, partition, *at).unwrap();
            }
            3 => {
                fetcher.unassign(&topic.name, partition);
                *at = random.i64(0..EACH);
                let name = Arc::clone(&topic.name);
                *generation = fetcher.assign(name, partition, *at);
            }
            _ => {}
        }
        for partition in 0..PARTITIONS {
            if random.bool() || moves > 400 {
                fetcher.resume(&topic.name, partition);
            }
        }
    }
    topic.end().await;
}
