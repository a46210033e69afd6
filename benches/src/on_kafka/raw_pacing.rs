//! The raw twin of the steady flow: a FutureProducer that all publishers share, and a thread that
//! polls a BaseConsumer and stores each offset.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::FutureProducer;
use tokio::sync::mpsc;

use super::cluster::{Cluster, Namespace};
use super::raw;
use super::raw_publishing::send;
use crate::pacing::{Arrival, collect, evenly, under_way};
use crate::{Latencies, Measured, Outcome, Stopwatch, sample};

/// [`paced`](crate::served::pacing::paced) without the library.
pub(crate) async fn raw_paced(
    cluster: Cluster,
    namespace: Namespace,
    per_second: u64,
    seconds: u64,
) -> Outcome<Measured> {
    let count = per_second * seconds;
    let topic: Arc<str> = raw::create(&cluster, &namespace).await?.into();
    let producer: FutureProducer = raw::producer(&cluster)?.create()?;
    let consumer: BaseConsumer = raw::consumer(&cluster, "raw")?.create()?;
    consumer.subscribe(&[&topic])?;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let is_done = Arc::new(AtomicBool::new(false));
    let reader = {
        let is_done = Arc::clone(&is_done);
        std::thread::spawn(move || read(&consumer, &arrived, &is_done))
    };
    // The one before the time runs says that the consumer has its partitions.
    send(&producer, &topic, count)?.await?.map_err(|(e, _)| e)?;
    arrivals.recv().await.ok_or("nothing came")?;
    let collector = tokio::spawn(collect(arrivals, count));
    let watch = Stopwatch::start_with_server(cluster.pid());
    let publish = |number| {
        let (producer, topic) = (producer.clone(), Arc::clone(&topic));
        async move {
            send(&producer, &topic, number)?
                .await?
                .map_err(|(e, _)| e)?;
            Ok(())
        }
    };
    let published = evenly(per_second, count, publish).await?;
    let arrivals = collector.await??;
    let mut measured = watch.stop(count);
    measured.latencies = Latencies::of(under_way(&published, &arrivals)?);
    is_done.store(true, Ordering::Relaxed);
    let ended = tokio::task::spawn_blocking(move || reader.join()).await?;
    ended.map_err(|_| "the reader has failed")??;
    raw::must_hold(&cluster, topic.to_string(), count + 1).await?;
    Ok(measured)
}

fn read(
    consumer: &BaseConsumer,
    arrived: &mpsc::UnboundedSender<Arrival>,
    is_done: &AtomicBool,
) -> Outcome<()> {
    while !is_done.load(Ordering::Relaxed) {
        let Some(record) = consumer.poll(Duration::from_millis(500)) else {
            continue;
        };
        let record = record?;
        let number = sample::number(record.payload().unwrap_or_default());
        // The receiver is gone only when the measurement has ended.
        let _ = arrived.send((number, Instant::now()));
        consumer.store_offset(record.topic(), record.partition(), record.offset())?;
    }
    Ok(())
}
