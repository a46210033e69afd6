//! Streams of events on a Redis server.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::{Measurements, costs, fresh, rates};
use crate::events::{Appending, Events};
use crate::on_redis::raw_events::RawEvents;
use crate::on_redis::server::Address;
use crate::rows::task;
use crate::{Measured, Outcome, Rounds, Stopwatch, sample};

/// As [publishing](super::publish): one task is as fast as a core wakes up.
const SHORT: (usize, Duration) = (8, Duration::from_millis(250));
const LONG: (usize, Duration) = (2, Duration::from_millis(500));
/// How many events are read again.
const COUNT: u64 = 100_000;

pub(super) fn append(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    run((runtime, at), rounds, SHORT, 1, "append one event")
}

pub(super) fn append_batches(
    runtime: &Runtime,
    rounds: Rounds,
    at: Address,
) -> Outcome<Measurements> {
    run((runtime, at), rounds, LONG, 100, "append by 100 events")
}

fn run(
    here: (&Runtime, Address),
    rounds: Rounds,
    (slices, lasting): (usize, Duration),
    batch: u64,
    name: &'static str,
) -> Outcome<Measurements> {
    let (runtime, at) = here;
    let lasting = rounds.time(lasting);
    let appending = Appending { batch, lasting };
    let also = runtime.block_on(runtime.spawn(overhead(at)))??;
    let mut sides = [
        fresh(name, here, || ours(at, appending)),
        fresh("raw script", here, || async move {
            let raw = RawEvents::open(at, also).await?;
            raw.append_for(appending).await
        }),
    ];
    let measured = rounds.alternate_slices(slices, &mut sides)?;
    let [ours, twin] = &measured;
    Ok(Measurements {
        rows: vec![rates(name, ours, "redis crate, script of XADD", twin)],
        costs: costs(&sides, &measured),
    })
}

pub(super) fn replay(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let count = rounds.scaled(COUNT);
    let also = runtime.block_on(runtime.spawn(overhead(at)))??;
    let events = runtime.block_on(runtime.spawn(async move {
        RawEvents::filled(at, also, count).await?;
        Events::filled(connect(at).await?, count).await
    }))??;
    let mut sides = [
        task("replay", runtime, || {
            let start = move || Stopwatch::start_with_server(at.pid);
            events.clone().replay(count, start)
        }),
        task("raw XRANGE", runtime, || async move {
            RawEvents::open(at, also).await?.replay(count).await
        }),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, twin] = &measured;
    let beside = "redis crate, XRANGE by 1000";
    Ok(Measurements {
        rows: vec![rates("replay", ours, beside, twin)],
        costs: costs(&sides, &measured),
    })
}

async fn connect(at: Address) -> Outcome<std::sync::Arc<dyn glmsg::Broker>> {
    Ok(glmsg::connect(&format!("redis://{}", at.socket())).await?)
}

async fn ours(at: Address, appending: Appending) -> Outcome<Measured> {
    let events = Events::open(connect(at).await?).await?;
    let start = || Stopwatch::start_with_server(at.pid);
    let measured = events.clone().append_for(appending, start).await?;
    events.close().await?;
    Ok(measured)
}

/// How many bytes an event has beside its payload.
async fn overhead(at: Address) -> Outcome<usize> {
    at.clear()?;
    let events = Events::filled(connect(at).await?, 1).await?;
    let size = events.size_of_one().await?;
    events.close().await?;
    at.clear()?;
    Ok(size - sample::PAYLOAD)
}
