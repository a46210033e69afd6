//! The cases on Kafka whose processes and brokers are killed, stopped, joined and left. They take minutes, and run
//! beside nothing else: `cargo xtask test` has a step for them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, which tell what they counted"
)]

mod copying;
mod defaults;
mod exactly_once;
mod exactly_once_groups;
mod exactly_once_in_doubt;
mod exactly_once_killed;
mod exactly_once_poison;
mod exactly_once_stopped;
mod faults;
mod membership;
mod places;
mod raw;
