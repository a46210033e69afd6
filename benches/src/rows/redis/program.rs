//! What the server's own program reaches.

use tokio::runtime::Runtime;

use super::Measurements;
use crate::on_redis::program::redis_benchmark;
use crate::on_redis::server::Address;
use crate::{Measured, Outcome, Rounds, Row, Side, Unit};

/// Entries in one measurement.
pub(super) const COUNT: u64 = 400_000;

pub(super) fn run(_: &Runtime, rounds: Rounds, address: Address) -> Outcome<Measurements> {
    let mut sides = [program(rounds, address)];
    let [measured] = rounds.alternate(&mut sides)?;
    let figures: Vec<f64> = measured.iter().map(Measured::rate).collect();
    Ok(Measurements {
        rows: vec![Row::new("-c 50 -P 100 XADD", Unit::Rate, &figures)],
        costs: Vec::new(),
    })
}

/// It, with a stream of its own.
pub(super) fn program<'a>(rounds: Rounds, address: Address) -> Side<'a> {
    let count = rounds.scaled(COUNT);
    Side::new("redis-benchmark", move || redis_benchmark(address, count))
}
