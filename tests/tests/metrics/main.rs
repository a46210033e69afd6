//! The metrics as an operator has them: a real Prometheus scrapes a real run, with what is in `deploy/` for it.
//! `cargo xtask services up prometheus` gets it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

mod alert;
mod busy;
mod counters;
mod dashboard;
mod kit;
mod prometheus;
mod rules;
mod station;
