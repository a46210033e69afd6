//! Every backend against the conformance suite, and against the memory backend as its model.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod catalog;
mod memory;
mod model;
mod redis;
mod sqlite;
mod stubborn;
