//! A steady flow of single durable messages.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates, task};
use crate::{Latencies, Measured, Outcome, Rounds, Row, Target, Unit, paced, raw_paced};

/// Messages a second.
const RATE: u64 = 1000;
/// How long the library is to hold the rate, and its twin.
const SECONDS: (u64, u64) = (5, 3);

pub(super) fn run(runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
    let mut sides = [
        task("1000/s to a Consumer", runtime, || paced(RATE, SECONDS.0)),
        task("raw, 1000/s", runtime, || raw_paced(RATE, SECONDS.1)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, twin] = &measured;
    let held = rates(
        "1000/s for 5 s: rate held",
        ours,
        "insert, commit, channel",
        twin,
    );
    let rows = vec![
        // A burst at the end of the time may still be under way: 1 % below is held.
        held.target(Target::AtLeast(990.0)),
        percentile("publish to handler, p50", ours, twin, |l| l.p50).target(Target::AtMost(5e-3)),
        percentile("publish to handler, p95", ours, twin, |l| l.p95),
        percentile("publish to handler, p99", ours, twin, |l| l.p99),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}

fn percentile(
    name: &str,
    ours: &[Measured],
    twin: &[Measured],
    of: fn(&Latencies) -> Duration,
) -> Row {
    let figures = |runs: &[Measured]| {
        let latencies = runs.iter().filter_map(|run| run.latencies.as_ref());
        latencies.map(|l| of(l).as_secs_f64()).collect::<Vec<_>>()
    };
    let (ours, twin) = (figures(ours), figures(twin));
    Row::new(name, Unit::Time, &ours).beside("insert, commit, channel", &ours, &twin)
}
