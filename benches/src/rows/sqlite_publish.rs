//! Durable publish in batches of 100.

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates, task};
use crate::{Outcome, Rounds, Side, Target, publish_batches, raw_publish, raw_publish_envelopes};

pub(super) fn run(runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
    let count = rounds.scaled(40_000);
    let mut sides = [
        task("publish by 100", runtime, || publish_batches(count, 100)),
        Side::new("raw, by 100", || raw_publish(count, 100)),
        Side::new("raw, rows as large as ours", || {
            raw_publish_envelopes(count, 100)
        }),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, payloads, envelopes] = &measured;
    let rows = vec![
        rates(
            "publish by 100",
            ours,
            "rusqlite, 100 inserts a transaction",
            payloads,
        )
        .target(Target::Ratio(0.7)),
        rates(
            "the same",
            ours,
            "rusqlite, 100 inserts of envelopes",
            envelopes,
        ),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}
