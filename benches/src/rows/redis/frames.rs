//! Frames: a hundred messages to an entry.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::program::program;
use super::{Measurements, costs, fresh, rates};
use crate::on_redis::publishing::Publishers;
use crate::on_redis::raw_frames::{FRAME, RawFramed, raw_publish};
use crate::on_redis::server::Address;
use crate::rows::task;
use crate::{Outcome, Rounds};

const PROGRAM: &str = "redis-benchmark, one an entry";
const SLICES: usize = 2;
const LASTING: Duration = Duration::from_millis(300);
/// Messages that wait.
const COUNT: u64 = 1_000_000;

pub(super) fn publish(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let publishers = |tasks| Publishers {
        tasks,
        batch: FRAME,
        lasting: rounds.time(LASTING),
    };
    let here = (runtime, at);
    let mut sides = [
        fresh("raw, 1 publisher by 100", here, || {
            raw_publish(at, publishers(1))
        }),
        fresh("raw, 4 publishers by 100", here, || {
            raw_publish(at, publishers(4))
        }),
        program(rounds, at),
    ];
    let measured = rounds.alternate_slices(SLICES, &mut sides)?;
    let [one, four, benchmark] = &measured;
    let rows = vec![
        rates("raw frames, 1 publisher", one, PROGRAM, benchmark),
        rates("raw frames, 4 publishers", four, PROGRAM, benchmark),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}

pub(super) fn consume(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let raw = RawFramed::open(at, rounds.scaled(COUNT));
    let raw = runtime.block_on(runtime.spawn(raw))??;
    let mut sides = [
        task("raw, 1 consumer", runtime, || raw.consume(1)),
        program(rounds, at),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [one, benchmark] = &measured;
    Ok(Measurements {
        rows: vec![rates("raw frames, 1 consumer", one, PROGRAM, benchmark)],
        costs: costs(&sides, &measured),
    })
}
