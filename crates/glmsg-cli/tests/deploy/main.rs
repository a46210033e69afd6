//! The files of `deploy/`, used for what they are for: real servers are started with them, and the real binary works on those.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

mod command;
mod dashboard;
mod endpoint;
mod http;
mod kit;
mod prometheus;
mod redis;
mod sentinel;
mod users;
