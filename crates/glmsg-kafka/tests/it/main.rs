//! The broker on a cluster that is in this process, and answers what it is told to.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests"
)]

mod answers;
