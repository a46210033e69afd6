//! Storage: what the suite cannot make happen.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod kafka;
mod redis;
