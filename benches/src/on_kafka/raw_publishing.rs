//! The raw twins of publishing: a FutureProducer that all tasks share, and a ThreadedProducer whose reports are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{
    BaseRecord, DeliveryFuture, DeliveryResult, FutureProducer, FutureRecord, Producer as _,
    ProducerContext, ThreadedProducer,
};
use tokio::task::JoinSet;

use super::cluster::{Cluster, Namespace};
use super::raw;
use crate::served::publishing::{Publishers, WARM};
use crate::{Measured, Outcome, Stopwatch, sample};

/// [`publish`](crate::served::publishing::publish) without the library: all of a batch are sent, then
/// all are awaited.
pub(crate) async fn raw_publish(
    cluster: Cluster,
    namespace: Namespace,
    publishers: Publishers,
) -> Outcome<Measured> {
    let topic: Arc<str> = raw::create(&cluster, &namespace).await?.into();
    let producer: FutureProducer = raw::producer(&cluster)?.create()?;
    for number in 0..WARM {
        send(&producer, &topic, number)?
            .await?
            .map_err(|(e, _)| e)?;
    }
    let mut tasks = JoinSet::new();
    let watch = Stopwatch::start_with_server(cluster.pid());
    let end = Instant::now() + publishers.lasting;
    for publisher in 1..=publishers.tasks {
        let (producer, topic) = (producer.clone(), Arc::clone(&topic));
        tasks.spawn(one(producer, topic, publisher << 32, publishers.batch, end));
    }
    let mut count = 0;
    while let Some(ended) = tasks.join_next().await {
        count += ended??;
    }
    let measured = watch.stop(count);
    raw::must_hold(&cluster, topic.to_string(), WARM + count).await?;
    Ok(measured)
}

/// Hands one to the client.
pub(crate) fn send(producer: &FutureProducer, topic: &str, number: u64) -> Outcome<DeliveryFuture> {
    let payload = sample::payload(number);
    let record = FutureRecord::<(), _>::to(topic).payload(&payload[..]);
    Ok(producer.send_result(record).map_err(|(e, _)| e)?)
}

async fn one(
    producer: FutureProducer,
    topic: Arc<str>,
    first: u64,
    batch: u64,
    end: Instant,
) -> Outcome<u64> {
    let mut next = first;
    while Instant::now() < end {
        let sent: Outcome<Vec<_>> = (next..next + batch)
            .map(|number| send(&producer, &topic, number))
            .collect();
        for report in sent? {
            report.await?.map_err(|(e, _)| e)?;
        }
        next += batch;
    }
    Ok(next - first)
}

/// Counts what is stored.
#[derive(Debug, Default)]
struct Counting {
    stored: AtomicU64,
    failed: AtomicU64,
}

impl ClientContext for Counting {}

impl ProducerContext for Counting {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let count = if result.is_ok() {
            &self.stored
        } else {
            &self.failed
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// One thread sends for so long, and waits for nothing but room; reports are counted.
pub(crate) async fn raw_fire(
    cluster: Cluster,
    namespace: Namespace,
    lasting: Duration,
) -> Outcome<Measured> {
    let topic = raw::create(&cluster, &namespace).await?;
    let producer: ThreadedProducer<Counting> =
        raw::producer(&cluster)?.create_with_context(Counting::default())?;
    let (name, pid) = (topic.clone(), cluster.pid());
    let fired = tokio::task::spawn_blocking(move || fire(&producer, &name, pid, lasting));
    let measured = fired.await??;
    raw::must_hold(&cluster, topic, WARM + measured.messages).await?;
    Ok(measured)
}

fn fire(
    producer: &ThreadedProducer<Counting>,
    topic: &str,
    pid: u32,
    lasting: Duration,
) -> Outcome<Measured> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let send = |number| {
        let payload = sample::payload(number);
        loop {
            let record = BaseRecord::<(), _>::to(topic).payload(&payload[..]);
            match producer.send(record) {
                Ok(()) => return Outcome::Ok(()),
                Err((e, _)) if e.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((e, _)) => return Err(e.into()),
            }
        }
    };
    (0..WARM).try_for_each(send)?;
    producer.flush(PATIENCE)?;
    let watch = Stopwatch::start_with_server(pid);
    let end = Instant::now() + lasting;
    let mut next = WARM;
    while Instant::now() < end {
        send(next)?;
        next += 1;
    }
    producer.flush(PATIENCE)?;
    let measured = watch.stop(next - WARM);
    let counts = producer.context();
    match counts.failed.load(Ordering::Relaxed) {
        0 if counts.stored.load(Ordering::Relaxed) == next => Ok(measured),
        failed => Err(format!("{failed} records were not stored").into()),
    }
}
