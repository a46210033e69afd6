//! The raw twin of the steady flow: a thread that inserts what waits in one transaction, and hands
//! it to a task after the commit.

use std::sync::mpsc as blocking;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::pacing::{Arrival, collect, under_way};
use crate::raw_store::RawStore;
use crate::{Latencies, Measured, Outcome, Stopwatch};

/// The flow of [`paced`](crate::paced) without the library.
///
/// # Errors
/// Of SQLite, or if a message is missing or comes twice.
pub async fn raw_paced(per_second: u64, seconds: u64) -> Outcome<Measured> {
    let store = RawStore::open()?;
    let count = per_second * seconds;
    let (to_writer, waiting) = blocking::channel();
    let (committed, to_handler) = mpsc::unbounded_channel();
    let writer = thread::spawn(move || write(store, &waiting, &committed, count));
    let (arrived, arrivals) = mpsc::unbounded_channel();
    tokio::spawn(handle(to_handler, arrived));
    let collector = tokio::spawn(collect(arrivals, count));
    let watch = Stopwatch::start();
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(per_second)?);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut published = Vec::new();
    for number in 0..count {
        ticks.tick().await;
        published.push(Instant::now());
        to_writer.send(number)?;
    }
    let arrivals = collector.await??;
    let mut measured = watch.stop(count);
    measured.latencies = Latencies::of(under_way(&published, &arrivals)?);
    drop(to_writer);
    writer.join().map_err(|_| "the writing thread panicked")??;
    Ok(measured)
}

fn write(
    mut store: RawStore,
    waiting: &blocking::Receiver<u64>,
    committed: &mpsc::UnboundedSender<u64>,
    count: u64,
) -> Outcome<()> {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter());
        store.insert(group.iter().copied())?;
        for number in group {
            committed.send(number)?;
        }
    }
    store.must_hold(count)
}

async fn handle(
    mut waiting: mpsc::UnboundedReceiver<u64>,
    arrived: mpsc::UnboundedSender<Arrival>,
) {
    while let Some(number) = waiting.recv().await {
        // The receiver is gone only when the measurement has failed.
        let _ = arrived.send((Some(number), Instant::now()));
    }
}
