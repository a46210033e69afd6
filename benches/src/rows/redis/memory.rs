//! The memory of a process with a hundred members of one group.

use tokio::runtime::Runtime;

use super::Measurements;
use super::consume::fill;
use crate::on_redis::memory::{Load, memory};
use crate::on_redis::server::Address;
use crate::{Measured, Outcome, Rounds, Row, Side, Target, Unit};

/// Messages that wait.
const COUNT: u64 = 120_000;

pub(super) fn run(runtime: &Runtime, rounds: Rounds, address: Address) -> Outcome<Measurements> {
    let count = rounds.scaled(COUNT);
    // The processes have connections of their own.
    let _filled = fill(runtime, count, address)?;
    let of = |name, load| Side::new(name, move || memory(address, load, count));
    let mut sides = [
        of("idle", Load::Idle),
        of("raw, idle", Load::RawIdle),
        of("at full load", Load::Batches),
        of("acked one by one", Load::OneByOne),
        of("raw, at full load", Load::Raw),
    ];
    let [idle, raw_idle, load, one_by_one, raw] = rounds.alternate(&mut sides)?;
    let twin = "redis crate, as many consumers";
    let rows = vec![
        row("100 subscriptions, idle", &idle, twin, &raw_idle).target(Target::AtMost(20.0 * MB)),
        row("100 subscriptions, full load", &load, twin, &raw).target(Target::AtMost(60.0 * MB)),
        row("the same, acked one by one", &one_by_one, twin, &raw),
    ];
    Ok(Measurements {
        rows,
        costs: Vec::new(),
    })
}

const MB: f64 = 1_048_576.0;

fn row(name: &str, ours: &[Measured], twin_name: &'static str, twin: &[Measured]) -> Row {
    let bytes = |runs: &[Measured]| {
        let kib = runs.iter().filter_map(|run| run.peak_kib);
        kib.map(|kib| kib as f64 * 1024.0).collect::<Vec<_>>()
    };
    let (ours, twin) = (bytes(ours), bytes(twin));
    Row::new(name, Unit::Memory, &ours).beside(twin_name, &ours, &twin)
}
