//! What the layers that observe cost.

use glmsg::TopicConfig;
use tokio::runtime::Runtime;

use super::{Measurements, costs, rates, task};
use crate::on_redis::server::{Address, roomy};
use crate::through::{Layers, through};
use crate::{Outcome, Rounds, Side, Target};

/// What a round has of both sides in turn, so that what slows the machine down meets both.
const SLICES: usize = 5;

pub(super) const OFF: &str = "layers off";
pub(super) const ON: &str = "layers on";

pub(super) fn memory(runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
    let count = rounds.scaled(80_000);
    let run = |layers| through("memory:".to_owned(), TopicConfig::default(), count, layers);
    let mut sides = [
        task(OFF, runtime, || run(Layers::Off)),
        task(ON, runtime, || run(Layers::On)),
    ];
    compare(rounds, &mut sides)
}

pub(super) fn sqlite(runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
    let count = rounds.scaled(20_000);
    let run = |layers| async move {
        let directory = tempfile::tempdir()?;
        let url = format!("sqlite:{}", directory.path().join("bench.db").display());
        through(url, TopicConfig::default(), count, layers).await
    };
    let mut sides = [
        task(OFF, runtime, || run(Layers::Off)),
        task(ON, runtime, || run(Layers::On)),
    ];
    compare(rounds, &mut sides)
}

pub(super) fn redis(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let count = rounds.scaled(40_000);
    let run = |layers| {
        let served = at.served(roomy());
        let cleared = at.clear();
        async move {
            cleared?;
            through(served.url, served.bounds, count, layers).await
        }
    };
    let mut sides = [
        task(OFF, runtime, || run(Layers::Off)),
        task(ON, runtime, || run(Layers::On)),
    ];
    compare(rounds, &mut sides)
}

/// The one side beside the other.
pub(super) fn compare(rounds: Rounds, sides: &mut [Side<'_>; 2]) -> Outcome<Measurements> {
    let measured = rounds.alternate_slices(SLICES, sides)?;
    let [off, on] = &measured;
    let row = rates(
        "publish and consume, layers on",
        on,
        "the same, layers off",
        off,
    );
    Ok(Measurements {
        rows: vec![row.target(Target::Ratio(0.98))],
        costs: costs(sides, &measured),
    })
}
