//! Tasks that are no work, done by a work queue's workers on a Redis server.

use tokio::runtime::Runtime;

use super::consume::fill;
use super::{Measurements, costs, rates};
use crate::on_redis::server::Address;
use crate::rows::task;
use crate::{Outcome, Rounds, Target};

const RAW: &str = "raw XACK, XREADGROUP";
const BESIDE: &str = "redis crate, XACK and XREADGROUP";
/// Tasks that wait.
const COUNT: u64 = 100_000;

/// The workers of the original's table, beside one raw consumer. What is wanted is ten times what
/// that table says of each: 1 000, 8 500, 10 200 and 10 500 messages a second.
pub(super) fn run(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let (filled, raw) = fill(runtime, rounds.scaled(COUNT), at)?;
    let by = |workers: usize| filled.clone().by_work_queue(workers);
    let mut sides = [
        task("1 worker", runtime, || by(1)),
        task("10 workers", runtime, || by(10)),
        task("50 workers", runtime, || by(50)),
        task("100 workers", runtime, || by(100)),
        task(RAW, runtime, || raw.consume(1)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [one, ten, fifty, hundred, twin] = &measured;
    let row = |name, ours, wanted| rates(name, ours, BESIDE, twin).target(Target::AtLeast(wanted));
    let rows = vec![
        row("work queue, 1 worker", one, 10_000.0),
        row("work queue, 10 workers", ten, 85_000.0),
        row("work queue, 50 workers", fifty, 102_000.0),
        row("work queue, 100 workers", hundred, 105_000.0),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}
