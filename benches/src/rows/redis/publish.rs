//! Publishing to a Redis server.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::{Measurements, costs, fresh, rates};
use crate::on_redis::raw_publishing::{raw_publish, raw_publish_with};
use crate::on_redis::server::{Address, roomy};
use crate::served::publishing::{Publishers, publish};
use crate::{Outcome, Rounds, Target, sample};

/// One publisher at a time is as fast as a core wakes up, which holds for seconds and then not:
/// many short slices meet both.
const SHORT: (usize, Duration) = (8, Duration::from_millis(250));
const LONG: (usize, Duration) = (2, Duration::from_millis(500));

pub(super) fn one_by_one(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let publishers = |lasting| Publishers {
        tasks: 1,
        batch: 1,
        lasting,
    };
    let name = "one publisher of one";
    run((runtime, at), rounds, SHORT, publishers, name, 0.95)
}

pub(super) fn by_50(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let publishers = |lasting| Publishers {
        tasks: 50,
        batch: 1,
        lasting,
    };
    let name = "50 publishers of one";
    run((runtime, at), rounds, LONG, publishers, name, 0.85)
}

pub(super) fn by_1000(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let publishers = |lasting| Publishers {
        tasks: 1000,
        batch: 1,
        lasting,
    };
    let name = "1000 publishers of one";
    run((runtime, at), rounds, LONG, publishers, name, 0.9)
}

pub(super) fn batches(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let (slices, lasting) = LONG;
    let (here, publishers) = (
        (runtime, at),
        Publishers {
            tasks: 1,
            batch: 100,
            lasting: rounds.time(lasting),
        },
    );
    let name = "one publisher by 100";
    let also = sample::envelope(0)?.len() - sample::PAYLOAD;
    let mut sides = [
        fresh(name, here, || publish(at.served(roomy()), publishers)),
        fresh("raw XADD", here, || raw_publish(at, publishers)),
        fresh("raw XADD, entries as large as ours", here, || {
            raw_publish_with(at, publishers, also)
        }),
    ];
    let measured = rounds.alternate_slices(slices, &mut sides)?;
    let [ours, twin, as_large] = &measured;
    let (beside, beside_large) = (
        "redis crate, pipeline of XADD",
        "redis crate, entries as large",
    );
    let rows = vec![
        rates(name, ours, beside, twin).target(Target::Ratio(0.95)),
        rates("the same", ours, beside_large, as_large),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}

fn run(
    (runtime, address): (&Runtime, Address),
    rounds: Rounds,
    (slices, lasting): (usize, Duration),
    publishers: impl Fn(Duration) -> Publishers,
    name: &'static str,
    target: f64,
) -> Outcome<Measurements> {
    let publishers = publishers(rounds.time(lasting));
    let mut sides = [
        fresh(name, (runtime, address), || {
            publish(address.served(roomy()), publishers)
        }),
        fresh("raw XADD", (runtime, address), || {
            raw_publish(address, publishers)
        }),
    ];
    let measured = rounds.alternate_slices(slices, &mut sides)?;
    let [ours, twin] = &measured;
    let beside = "redis crate, XADD";
    Ok(Measurements {
        rows: vec![rates(name, ours, beside, twin).target(Target::Ratio(target))],
        costs: costs(&sides, &measured),
    })
}
