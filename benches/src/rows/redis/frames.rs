//! Frames: a hundred messages to an entry.

use std::time::Duration;

use glmsg::{Frames, TopicConfig};
use tokio::runtime::Runtime;

use super::program::program;
use super::{Measurements, costs, fresh, rates};
use crate::on_redis::raw_frames::{FRAME, RawFramed, raw_publish};
use crate::on_redis::server::{Address, roomy};
use crate::rows::task;
use crate::served::consuming::{Filled, Way};
use crate::served::publishing::{Publishers, publish as ours};
use crate::{Outcome, Rounds, Target};

const PROGRAM: &str = "redis-benchmark, one an entry";
const BESIDE: &str = "redis crate, frames of payloads";
const SLICES: usize = 2;
const LASTING: Duration = Duration::from_millis(300);
/// Messages that wait.
const COUNT: u64 = 600_000;

/// Frames of a hundred, which is the default.
fn framed() -> TopicConfig {
    roomy().frames(Frames::default())
}

pub(super) fn publish(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let here = (runtime, at);
    let publishers = |tasks| Publishers {
        tasks,
        batch: FRAME,
        lasting: rounds.time(LASTING),
    };
    let [lone, several] = [publishers(1), publishers(4)];
    let mut sides = [
        fresh("1 publisher by 100", here, || {
            ours(at.served(framed()), lone)
        }),
        fresh("4 publishers by 100", here, || {
            ours(at.served(framed()), several)
        }),
        fresh("raw, 1 publisher", here, || raw_publish(at, lone)),
        fresh("raw, 4 publishers", here, || raw_publish(at, several)),
        program(rounds, at),
    ];
    let measured = rounds.alternate_slices(SLICES, &mut sides)?;
    let [one, four, raw_one, raw_four, benchmark] = &measured;
    let rows = vec![
        rates("frames, 4 publishers by 100", four, PROGRAM, benchmark).target(Target::Ratio(3.0)),
        rates("the same", four, BESIDE, raw_four).target(Target::Ratio(0.4)),
        rates("frames, 1 publisher by 100", one, BESIDE, raw_one),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}

pub(super) fn consume(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    let count = rounds.scaled(COUNT);
    let filled = runtime.block_on(runtime.spawn(Filled::create(at.served(framed()), count)))??;
    let raw = runtime.block_on(runtime.spawn(RawFramed::open(at, count)))??;
    let mut sides = [
        task("1 subscription", runtime, || {
            filled.clone().by(Way::Batches, 1)
        }),
        task("raw, 1 consumer", runtime, || raw.consume(1)),
        program(rounds, at),
    ];
    let measured = rounds.alternate(&mut sides)?;
    let [ours, twin, benchmark] = &measured;
    let rows = vec![
        rates("frames, 1 subscription", ours, PROGRAM, benchmark).target(Target::Ratio(3.0)),
        rates("the same", ours, BESIDE, twin).target(Target::Ratio(0.4)),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}
