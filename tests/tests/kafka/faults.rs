//! The short fault cases: each makes its fault under traffic of worker processes, and has the ledger judged.
//! `docs/guides/testing.md` tells which case is where.

mod rebalance;
mod server_killed;

use std::time::Duration;

use glmsg_faults::check::Partitions;

/// The program of a worker process.
const TRAFFIC: &str = env!("CARGO_BIN_EXE_traffic");

/// How soon acks are committed and partitions shared out, with a session time-out of six seconds.
const PARTITIONS: Partitions = Partitions {
    commit: Duration::from_secs(1),
    rebalance: Duration::from_secs(15),
};
