//! Consuming and acking what a topic on a Redis server holds.

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates};
use crate::on_redis::raw_consuming::RawFilled;
use crate::on_redis::server::{Address, roomy};
use crate::rows::task;
use crate::served::consuming::{Filled, Way};
use crate::{Outcome, Rounds, Target};

const RAW: &str = "raw XACK, XREADGROUP";
const BESIDE: &str = "redis crate, XACK and XREADGROUP";
/// Messages that wait.
const COUNT: u64 = 240_000;
/// Where there are more workloads.
const COUNT_OTHERS: u64 = 100_000;

pub(super) fn by_1(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    run((runtime, at), rounds, 1, "1 subscription", 1.15)
}

pub(super) fn by_10(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    run((runtime, at), rounds, 10, "10 subscriptions", 0.95)
}

pub(super) fn by_100(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    run((runtime, at), rounds, 100, "100 subscriptions", 0.95)
}

/// Other ways to consume, each with one member, beside one consumer.
pub(super) fn other_ways(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let (filled, raw) = fill(runtime, rounds.scaled(COUNT_OTHERS), at)?;
    let mut sides = [
        task("ack in turn", runtime, || filled.clone().by(Way::InTurn, 1)),
        task("ack one by one", runtime, || {
            filled.clone().by(Way::OneByOne, 1)
        }),
        task("source", runtime, || filled.clone().by(Way::Source, 1)),
        task(RAW, runtime, || raw.consume(1)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [in_turn, one_by_one, source, twin] = &measured;
    let rows = vec![
        rates("1 subscription, ack in turn", in_turn, BESIDE, twin),
        rates("1 subscription, one by one", one_by_one, BESIDE, twin),
        rates("1 source, ack with receive", source, BESIDE, twin),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}

/// A `Consumer` on its defaults, beside one consumer.
pub(super) fn by_consumer(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let (filled, raw) = fill(runtime, rounds.scaled(COUNT), at)?;
    let mut sides = [
        task("Consumer", runtime, || filled.clone().by_consumer()),
        task(RAW, runtime, || raw.consume(1)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, twin] = &measured;
    Ok(Measurements {
        rows: vec![rates("Consumer on its defaults", ours, BESIDE, twin)],
        costs: costs(&sides, &measured),
    })
}

fn run(
    (runtime, address): (&Runtime, Address),
    rounds: Rounds,
    members: u64,
    name: &'static str,
    target: f64,
) -> Outcome<Measurements> {
    let (filled, raw) = fill(runtime, rounds.scaled(COUNT), address)?;
    let mut sides = [
        task(name, runtime, || filled.clone().by(Way::Batches, members)),
        task(RAW, runtime, || raw.consume(members)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, twin] = &measured;
    Ok(Measurements {
        rows: vec![rates(name, ours, BESIDE, twin).target(Target::Ratio(target))],
        costs: costs(&sides, &measured),
    })
}

/// A topic and a stream that hold the same, for every round.
pub(super) fn fill(
    runtime: &Runtime,
    count: u64,
    address: Address,
) -> Outcome<(Filled, RawFilled)> {
    let filled = Filled::create(address.served(roomy()), count);
    let filled = runtime.block_on(runtime.spawn(filled))??;
    let raw = runtime.block_on(runtime.spawn(RawFilled::open(address, count)))??;
    Ok((filled, raw))
}
