//! Every backend against the conformance suite.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod catalog;
mod memory;
mod redis;
mod sqlite;
mod stubborn;
