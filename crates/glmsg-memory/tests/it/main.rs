//! The rules of the delivery model, one by one, with the time in the test's hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

mod attempts;
mod bounds;
mod dead_letters;
mod duplicates;
mod expiry;
mod groups;
mod lanes;
mod leases;
mod model;
mod naive;
mod order;
mod replay;
mod retention;
mod schedule;
mod starting;
mod tokio_time;
mod waiting;
mod world;
