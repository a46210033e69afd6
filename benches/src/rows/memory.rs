//! Publish to handler in memory, with one worker and with ten.

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates, task};
use crate::{Outcome, Rounds, Target, raw_channel, stream};

const BATCH: u64 = 256;

pub(super) fn run(runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
    let count = rounds.scaled(1_000_000);
    let mut sides = [
        task("raw channel", runtime, || raw_channel(count)),
        task("1 worker", runtime, || stream(count, BATCH, 1)),
        task("10 workers", runtime, || stream(count, BATCH, 10)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [raw, one, ten] = &measured;
    let twin = "tokio mpsc to one task";
    let rows = vec![
        rates("publish to handler, 1 worker", one, twin, raw).target(Target::AtLeast(1.5e6)),
        rates("publish to handler, 10 workers", ten, twin, raw).target(Target::AtLeast(1.5e6)),
        rates("10 workers beside 1", ten, "1 worker of glmsg", one).target(Target::Ratio(1.0)),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}
