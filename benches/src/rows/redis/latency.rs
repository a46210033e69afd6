//! A steady flow of single messages to a consumer that waits.

use tokio::runtime::Runtime;

use super::{Measurements, costs, fresh};
use crate::on_redis::raw_pacing::raw_paced;
use crate::on_redis::server::{Address, roomy};
use crate::rows::percentile;
use crate::served::pacing::paced;
use crate::{Outcome, Rounds, Target};

/// Messages a second.
const RATE: u64 = 1000;
/// A turn is short, and there are more of them than of others: what a wake-up costs changes from
/// one second to another.
const SECONDS: u64 = 1;
const TURNS: usize = 3;

pub(super) fn run(runtime: &Runtime, rounds: Rounds, address: Address) -> Outcome<Measurements> {
    let here = (runtime, address);
    let mut sides = [
        fresh("1000/s to a Consumer", here, || {
            paced(address.served(roomy()), RATE, SECONDS)
        }),
        fresh("raw, 1000/s", here, || raw_paced(address, RATE, SECONDS)),
    ];
    let measured = rounds.times(TURNS).alternate(&mut sides)?;
    let [ours, twin] = &measured;
    let beside = "redis crate, XADD and XREADGROUP";
    let rows = vec![
        percentile("publish to handler, p50", ours, beside, twin, |l| l.p50)
            .target(Target::RatioAtMost(1.05)),
        percentile("publish to handler, p95", ours, beside, twin, |l| l.p95),
        percentile("publish to handler, p99", ours, beside, twin, |l| l.p99)
            .target(Target::RatioAtMost(1.5)),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}
