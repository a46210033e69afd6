//! Consuming and acking what a topic on a Redis server holds.

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates};
use crate::on_redis::consuming::Filled;
use crate::on_redis::raw_consuming::RawFilled;
use crate::on_redis::server::Address;
use crate::on_redis::store::roomy;
use crate::rows::task;
use crate::{Outcome, Rounds, Target};

const RAW: &str = "raw XACK, XREADGROUP";
const BESIDE: &str = "redis crate, XACK and XREADGROUP";
/// Messages that wait.
const COUNT: u64 = 240_000;
/// Where each delivery is acked on its own.
const COUNT_BY_HAND: u64 = 60_000;

pub(super) fn by_1(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    run((runtime, at), rounds, 1, "1 subscription", 1.15)
}

pub(super) fn by_10(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    run((runtime, at), rounds, 10, "10 subscriptions", 0.95)
}

pub(super) fn by_100(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    run((runtime, at), rounds, 100, "100 subscriptions", 0.95)
}

/// By hand and delivery by delivery, beside as many consumers.
pub(super) fn by_hand(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let (filled, raw) = fill_with(runtime, rounds.scaled(COUNT_BY_HAND), at)?;
    let mut sides = [
        task("1 subscription", runtime, || {
            filled.clone().by_subscription(1)
        }),
        task("100 subscriptions", runtime, || {
            filled.clone().by_subscription(100)
        }),
        task("raw, 1 consumer", runtime, || raw.consume(1)),
        task("raw, 100 consumers", runtime, || raw.consume(100)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [one, hundred, raw_one, raw_hundred] = &measured;
    let rows = vec![
        rates("1 subscription by hand", one, BESIDE, raw_one),
        rates("100 subscriptions by hand", hundred, BESIDE, raw_hundred),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}

/// One on its defaults, beside one consumer.
pub(super) fn by_consumer(
    runtime: &Runtime,
    rounds: Rounds,
    address: Address,
) -> Outcome<Measurements> {
    let (filled, raw) = fill(runtime, rounds, address)?;
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
    let (filled, raw) = fill(runtime, rounds, address)?;
    let mut sides = [
        task(name, runtime, || filled.clone().by_source(members)),
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
fn fill(runtime: &Runtime, rounds: Rounds, address: Address) -> Outcome<(Filled, RawFilled)> {
    fill_with(runtime, rounds.scaled(COUNT), address)
}

pub(super) fn fill_with(
    runtime: &Runtime,
    count: u64,
    address: Address,
) -> Outcome<(Filled, RawFilled)> {
    let filled = Filled::create(address, roomy(), count);
    let filled = runtime.block_on(runtime.spawn(filled))??;
    let raw = runtime.block_on(runtime.spawn(RawFilled::open(address, count)))??;
    Ok((filled, raw))
}
