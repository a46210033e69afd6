//! Consuming and acking what a topic on Kafka holds.

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates};
use crate::on_kafka::cluster::{Cluster, Namespace};
use crate::on_kafka::raw_consuming::RawFilled;
use crate::rows::task;
use crate::served::consuming::{Filled, Way};
use crate::{Measured, Outcome, Rounds, Target};

const BESIDE: &str = "rdkafka, BaseConsumer";
/// Messages that wait.
const COUNT: u64 = 1_000_000;

pub(super) fn by_1(runtime: &Runtime, rounds: Rounds, at: &Cluster) -> Outcome<Measurements> {
    let row = ("1 subscription", Some(Target::Ratio(0.8)));
    run(runtime, rounds, at, row, |filled| {
        filled.by(Way::Batches, 1)
    })
}

/// A `Consumer` on its defaults, beside one consumer.
pub(super) fn by_consumer(
    runtime: &Runtime,
    rounds: Rounds,
    at: &Cluster,
) -> Outcome<Measurements> {
    let row = ("Consumer on its defaults", None);
    run(runtime, rounds, at, row, Filled::by_consumer)
}

fn run<F>(
    runtime: &Runtime,
    rounds: Rounds,
    at: &Cluster,
    (name, target): (&'static str, Option<Target>),
    ours: impl Fn(Filled) -> F,
) -> Outcome<Measurements>
where
    F: Future<Output = Outcome<Measured>> + Send + 'static,
{
    let namespace = at.namespace()?;
    let (filled, raw) = fill(runtime, rounds.scaled(COUNT), at, &namespace)?;
    let mut group = 0;
    let mut sides = [
        task(name, runtime, || ours(filled.clone())),
        task("raw, store each offset", runtime, || {
            group += 1;
            raw.clone().consume(format!("raw-{group}"))
        }),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let costs = costs(&sides, &measured);
    drop(sides);
    drop(filled);
    runtime.block_on(runtime.spawn(namespace.wipe()))??;
    let [ours, twin] = &measured;
    let mut row = rates(name, ours, BESIDE, twin);
    row.target = target;
    Ok(Measurements {
        rows: vec![row],
        costs,
    })
}

/// A topic of ours and a twin's that hold the same, for every round.
fn fill(
    runtime: &Runtime,
    count: u64,
    at: &Cluster,
    namespace: &Namespace,
) -> Outcome<(Filled, RawFilled)> {
    let filled = Filled::create(namespace.served.clone(), count);
    let filled = runtime.block_on(runtime.spawn(filled))??;
    let raw = RawFilled::open(at.clone(), namespace.clone(), count);
    Ok((filled, runtime.block_on(runtime.spawn(raw))??))
}
