//! Consuming and acking what a store holds.

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates, task};
use crate::{Outcome, Rounds, Side, Target, consume_by_consumer, consume_by_source, raw_consume};

pub(super) fn run(runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
    let count = rounds.scaled(30_000);
    let mut sides = [
        task("receive and ack by 100", runtime, || {
            consume_by_source(count, 100)
        }),
        task("Consumer", runtime, || consume_by_consumer(count)),
        Side::new("raw, by 100", || raw_consume(count, 100)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [source, consumer, raw] = &measured;
    let twin = "rusqlite, lease 100, delete 100";
    let rows = vec![
        rates("receive and ack by 100", source, twin, raw).target(Target::Ratio(0.6)),
        rates("Consumer on its defaults", consumer, twin, raw),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}
