//! The command line as a user has it: the real binary, real files, real signals.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

mod config;
mod crash;
mod dead_letters;
mod demo;
mod doctor;
mod guidance;
mod hostile;
mod json_errors;
mod leaving;
mod logging;
mod metrics;
mod monitor;
mod observing;
mod operate;
mod publish_consume;
mod redis;
mod restarts;
mod rights;
mod saga;
mod spans;
mod store;
mod watching;
