//! The short cases of the fault matrix on the Redis backend: each makes its fault on a server of its own, under traffic,
//! and has the ledger judged. `docs/guides/testing.md` tells which case is where.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, which tell what they counted"
)]

mod alone;
mod connections;
mod consumer_killed;
mod consumer_stopped;
mod data_gone;
mod info;
mod lasting;
mod late_ack;
mod length;
mod logins;
mod malformed;
mod many_consumers;
mod memory_full;
mod poison;
mod server_killed;
mod server_stopped;
mod shutdown;
mod tls;
mod too_large;

/// The program of a worker process.
const TRAFFIC: &str = env!("CARGO_BIN_EXE_traffic");
