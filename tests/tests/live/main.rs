//! Live subscriptions under faults, each made on a server of its own.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod redis;
