//! The suite on topics that store messages in frames, and what only frames have.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod redis;
mod redis_entries;
