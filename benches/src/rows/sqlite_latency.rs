//! A steady flow of single durable messages.

use tokio::runtime::Runtime;

use super::{Measurements, costs, percentile, rates, task};
use crate::{Outcome, Rounds, Target, paced, raw_paced};

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
    let beside = "insert, commit, channel";
    let held = rates("1000/s for 5 s: rate held", ours, beside, twin);
    let rows = vec![
        // A burst at the end of the time may still be under way: 1 % below is held.
        held.target(Target::AtLeast(990.0)),
        percentile("publish to handler, p50", ours, beside, twin, |l| l.p50)
            .target(Target::AtMost(5e-3)),
        percentile("publish to handler, p95", ours, beside, twin, |l| l.p95),
        percentile("publish to handler, p99", ours, beside, twin, |l| l.p99),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}
