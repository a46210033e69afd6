//! Many publishers of single messages share commits.

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates, task};
use crate::{Outcome, Rounds, Side, Target, publish_concurrently, raw_publish};

const PUBLISHERS: u64 = 64;

pub(super) fn run(runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
    let (each, alone) = (rounds.scaled(200), rounds.scaled(800));
    let mut sides = [
        task("64 publishers", runtime, || {
            publish_concurrently(PUBLISHERS, each)
        }),
        task("1 publisher", runtime, || publish_concurrently(1, alone)),
        Side::new("raw, one by one", || raw_publish(alone, 1)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [many, one, raw] = &measured;
    let rows = vec![
        rates("64 publishers of one", many, "one publisher of glmsg", one)
            .target(Target::Ratio(20.0)),
        rates(
            "1 publisher of one",
            one,
            "rusqlite, 1 insert a transaction",
            raw,
        ),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}
