//! A steady flow of single messages to a consumer that waits.

use tokio::runtime::Runtime;

use super::{Measurements, costs, fresh};
use crate::on_kafka::cluster::Cluster;
use crate::on_kafka::raw_pacing::raw_paced;
use crate::rows::percentile;
use crate::served::pacing::paced;
use crate::{Outcome, Rounds, Target};

/// Messages a second.
const RATE: u64 = 1000;
const SECONDS: u64 = 3;

pub(super) fn run(runtime: &Runtime, rounds: Rounds, at: &Cluster) -> Outcome<Measurements> {
    let here = (runtime, at);
    let mut sides = [
        fresh("1000/s to a Consumer", here, |n| {
            paced(n.served, RATE, SECONDS)
        }),
        fresh("raw, 1000/s", here, |n| {
            raw_paced(at.clone(), n, RATE, SECONDS)
        }),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, twin] = &measured;
    let beside = "rdkafka, FutureProducer and BaseConsumer";
    let rows = vec![
        percentile("publish to handler, p50", ours, beside, twin, |l| l.p50)
            .target(Target::RatioAtMost(1.2)),
        percentile("publish to handler, p95", ours, beside, twin, |l| l.p95)
            .target(Target::RatioAtMost(1.2)),
        percentile("publish to handler, p99", ours, beside, twin, |l| l.p99),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}
