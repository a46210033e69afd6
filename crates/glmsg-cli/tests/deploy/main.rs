//! The files of `deploy/`, used for what they are for: real servers are started with them, and the real binary works on those.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

mod command;
mod kit;
mod redis;
mod sentinel;
mod users;
