//! The users of `docs/backends/redis.md`, made as the page makes them, and held to what it says.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod page;
mod rights;
mod roles;
