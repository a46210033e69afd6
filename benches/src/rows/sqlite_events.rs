//! Streams of events in a SQLite store.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates, task};
use crate::events::{Appending, Events};
use crate::raw_events::RawEvents;
use crate::store::Store;
use crate::{Measured, Outcome, Rounds, Side, Stopwatch, sample};

const LASTING: Duration = Duration::from_millis(500);
/// How many events are read again.
const COUNT: u64 = 50_000;

pub(super) fn append(runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
    let lasting = rounds.time(LASTING);
    let by = |batch| Appending { batch, lasting };
    let also = runtime.block_on(runtime.spawn(overhead()))??;
    let raw = |batch| move || RawEvents::open(also)?.append_for(by(batch));
    let mut sides = [
        task("append one event", runtime, || ours(by(1))),
        task("append by 100 events", runtime, || ours(by(100))),
        Side::new("raw, one by one", raw(1)),
        Side::new("raw, by 100", raw(100)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [one, hundred, raw_one, raw_hundred] = &measured;
    let rows = vec![
        rates(
            "append one event",
            one,
            "rusqlite, 1 insert a transaction",
            raw_one,
        ),
        rates(
            "append by 100 events",
            hundred,
            "rusqlite, 100 inserts a transaction",
            raw_hundred,
        ),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}

pub(super) fn replay(runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
    let count = rounds.scaled(COUNT);
    let also = runtime.block_on(runtime.spawn(overhead()))??;
    let raw = RawEvents::filled(also, count)?;
    let (_store, events) = runtime.block_on(runtime.spawn(async move {
        let store = Store::open().await?;
        let events = Events::filled(store.broker.clone(), count).await?;
        Outcome::Ok((store, events))
    }))??;
    let mut sides = [
        task("replay", runtime, || {
            events.clone().replay(count, Stopwatch::start)
        }),
        Side::new("raw, by 1000", || raw.replay(count)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, twin] = &measured;
    Ok(Measurements {
        rows: vec![rates("replay", ours, "rusqlite, select 1000", twin)],
        costs: costs(&sides, &measured),
    })
}

async fn ours(appending: Appending) -> Outcome<Measured> {
    let store = Store::open().await?;
    let events = Events::open(store.broker.clone()).await?;
    let measured = events
        .clone()
        .append_for(appending, Stopwatch::start)
        .await?;
    events.close().await?;
    Ok(measured)
}

/// How many bytes an event has beside its payload.
async fn overhead() -> Outcome<usize> {
    let store = Store::open().await?;
    let events = Events::filled(store.broker.clone(), 1).await?;
    Ok(events.size_of_one().await? - sample::PAYLOAD)
}
