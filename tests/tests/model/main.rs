//! Property tests: a backend against the memory backend, which is the plainest reading of the
//! delivery model. The same random steps are taken on both, under clocks that are moved together,
//! and everything that can be observed is compared after each.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod clocked;
mod compare;
mod histories;
mod pair;
mod redis;
mod side;
mod sqlite;
mod step;
mod traffic;
