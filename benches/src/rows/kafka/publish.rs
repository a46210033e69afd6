//! Publishing to Kafka.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::{Measurements, costs, fresh, rates};
use crate::on_kafka::cluster::Cluster;
use crate::on_kafka::raw_publishing::{raw_fire, raw_publish};
use crate::served::publishing::{Publishers, publish};
use crate::{Outcome, Rounds, Target};

/// How long each publishes at a time.
const LASTING: Duration = Duration::from_secs(1);
const BESIDE: &str = "rdkafka, FutureProducer";
const BESIDE_FIRING: &str = "rdkafka, ThreadedProducer";

pub(super) fn one_by_one(runtime: &Runtime, rounds: Rounds, at: &Cluster) -> Outcome<Measurements> {
    run((runtime, at), rounds, 1, "one publisher of one", 0.95)
}

pub(super) fn by_50(runtime: &Runtime, rounds: Rounds, at: &Cluster) -> Outcome<Measurements> {
    run((runtime, at), rounds, 50, "50 publishers of one", 1.5)
}

pub(super) fn by_1000(runtime: &Runtime, rounds: Rounds, at: &Cluster) -> Outcome<Measurements> {
    run((runtime, at), rounds, 1000, "1000 publishers of one", 2.0)
}

pub(super) fn batches(runtime: &Runtime, rounds: Rounds, at: &Cluster) -> Outcome<Measurements> {
    let here = (runtime, at);
    let publishers = Publishers {
        tasks: 1,
        batch: 100,
        lasting: rounds.time(LASTING),
    };
    let name = "one publisher by 100";
    // As the twin's records, its calls do not wait for each other.
    let several = Publishers {
        tasks: 4,
        ..publishers
    };
    let name_of_several = "4 calls by 100 at a time";
    let mut sides = [
        fresh(name, here, |n| publish(n.served, publishers)),
        fresh(name_of_several, here, |n| publish(n.served, several)),
        fresh("raw, 100 and await", here, |n| {
            raw_publish(at.clone(), n, publishers)
        }),
        fresh("raw, reports counted", here, |n| {
            raw_fire(at.clone(), n, publishers.lasting)
        }),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, several, awaiting, firing] = &measured;
    let rows = vec![
        rates(name, ours, BESIDE, awaiting).target(Target::Ratio(3.0)),
        rates("the same", ours, BESIDE_FIRING, firing).target(Target::Ratio(0.6)),
        rates(name_of_several, several, BESIDE_FIRING, firing).target(Target::Ratio(0.6)),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}

fn run(
    (runtime, cluster): (&Runtime, &Cluster),
    rounds: Rounds,
    tasks: u64,
    name: &'static str,
    target: f64,
) -> Outcome<Measurements> {
    let publishers = Publishers {
        tasks,
        batch: 1,
        lasting: rounds.time(LASTING),
    };
    let mut sides = [
        fresh(name, (runtime, cluster), |n| publish(n.served, publishers)),
        fresh("raw, send and await", (runtime, cluster), |n| {
            raw_publish(cluster.clone(), n, publishers)
        }),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, twin] = &measured;
    Ok(Measurements {
        rows: vec![rates(name, ours, BESIDE, twin).target(Target::Ratio(target))],
        costs: costs(&sides, &measured),
    })
}
