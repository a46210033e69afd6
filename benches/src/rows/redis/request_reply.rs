//! Requests and replies by way of a Redis server.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::{Measurements, costs, fresh, rates};
use crate::on_redis::raw_request_reply::raw_request_reply;
use crate::on_redis::server::{Address, roomy};
use crate::rows::percentile;
use crate::served::request_reply::{Asking, request_reply};
use crate::{Outcome, Rounds, Target};

/// A turn is short, and there are more of them than of others: what a wake-up costs changes from
/// one second to another, and percentiles cannot be joined.
const LASTING: Duration = Duration::from_millis(500);
const TURNS: usize = 3;
const BESIDE: &str = "redis crate, two hops";

pub(super) fn one(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    run((runtime, at), rounds, 1, "request-reply")
}

pub(super) fn hundred(runtime: &Runtime, rounds: Rounds, at: Address) -> Outcome<Measurements> {
    run((runtime, at), rounds, 100, "request-reply, 100 at a time")
}

fn run(
    here: (&Runtime, Address),
    rounds: Rounds,
    tasks: u64,
    name: &'static str,
) -> Outcome<Measurements> {
    let at = here.1;
    let lasting = rounds.time(LASTING);
    let asking = Asking { tasks, lasting };
    let mut sides = [
        fresh(name, here, || request_reply(at.served(roomy()), asking)),
        fresh("raw, two hops", here, || raw_request_reply(at, asking)),
    ];
    let measured = rounds.times(TURNS).alternate(&mut sides)?;
    let [ours, twin] = &measured;
    let rows = vec![
        rates(name, ours, BESIDE, twin).target(Target::Ratio(0.7)),
        percentile("request to reply, p50", ours, BESIDE, twin, |l| l.p50),
        percentile("request to reply, p99", ours, BESIDE, twin, |l| l.p99),
    ];
    Ok(Measurements {
        rows,
        costs: costs(&sides, &measured),
    })
}
