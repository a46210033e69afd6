//! The suite on topics that store messages in frames, and what only frames have.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, which tell which case they run"
)]

mod redis;
mod redis_entries;
mod redis_leases;
