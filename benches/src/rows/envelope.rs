//! A message to its envelope and back.

use tokio::runtime::Runtime;

use super::{Measurements, costs};
use crate::{Measured, Outcome, Rounds, Row, Side, Target, Unit, raw_hash, round_trip};

pub(super) fn run(_: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
    let count = rounds.scaled(200_000);
    let mut sides = [
        Side::new("encode, decode, verify", || round_trip(count)),
        Side::new("SHA-256 twice", || raw_hash(count)),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, twin] = measured
        .each_ref()
        .map(|runs| runs.iter().map(Measured::seconds_each).collect::<Vec<_>>());
    let row = Row::new("encode, hash, decode, verify", Unit::Time, &ours)
        .beside("SHA-256 of the envelope, twice", &ours, &twin)
        .target(Target::AtMost(2e-6));
    Ok(Measurements {
        rows: vec![row],
        costs: costs(&sides, &measured),
    })
}
