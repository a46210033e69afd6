//! The raw twin of the steady flow: XADD on a connection that all publishers share, and a task that
//! waits in XREADGROUP on its own, with the XACK of what it had before in front.

use std::time::Instant;

use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;

use super::raw;
use super::server::Address;
use crate::pacing::{Arrival, collect, evenly, under_way};
use crate::{Latencies, Measured, Outcome, Stopwatch, sample};

/// How many entries a read asks for, and how long it waits.
const COUNT: usize = 100;
const WAIT_MILLIS: u64 = 500;

/// [`paced`](crate::served::pacing::paced) without the library.
pub(crate) async fn raw_paced(
    address: Address,
    per_second: u64,
    seconds: u64,
) -> Outcome<Measured> {
    let count = per_second * seconds;
    let mut connection = raw::connect(address).await?;
    raw::create_group(&mut connection).await?;
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let reader = raw::connect_patiently(address).await?;
    let reader = tokio::spawn(read(reader, arrived, count));
    let collector = tokio::spawn(collect(arrivals, count));
    let watch = Stopwatch::start_with_server(address.pid);
    let publish = |number| {
        let mut connection = connection.clone();
        async move { Ok(raw::add(number).exec_async(&mut connection).await?) }
    };
    let published = evenly(per_second, count, publish).await?;
    let arrivals = collector.await??;
    let mut measured = watch.stop(count);
    measured.latencies = Latencies::of(under_way(&published, &arrivals)?);
    reader.await??;
    raw::must_hold(&mut connection, count).await?;
    raw::must_be_acked(&mut connection).await?;
    Ok(measured)
}

async fn read(
    mut connection: MultiplexedConnection,
    arrived: mpsc::UnboundedSender<Arrival>,
    count: u64,
) -> Outcome<()> {
    let read = raw::wait("reader", COUNT, WAIT_MILLIS);
    let mut left = count;
    let mut ids: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut pipeline = redis::Pipeline::with_capacity(2);
        if !ids.is_empty() {
            pipeline.add_command(raw::ack(&ids));
        }
        if left > 0 {
            pipeline.add_command(read.clone());
        }
        if pipeline.is_empty() {
            return Ok(());
        }
        let mut answers: Vec<Value> = pipeline.query_async(&mut connection).await?;
        ids.clear();
        if left == 0 {
            return Ok(());
        }
        let entries = raw::entries(answers.pop().ok_or("a read without an answer")?)?;
        let now = Instant::now();
        left = left.saturating_sub(entries.len() as u64);
        for (id, body) in entries {
            // The receiver is gone only when the measurement has failed.
            let _ = arrived.send((sample::number(&body), now));
            ids.push(id);
        }
    }
}
