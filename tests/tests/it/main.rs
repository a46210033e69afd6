//! Every backend against the conformance suite.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod before_ack;
mod catalog;
mod memory;
mod redis;
mod sqlite;
mod stubborn;
