//! What only a store on disk can show: files, processes, commits. What every backend does is shown
//! by the conformance suite.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod bounds;
mod cancel;
mod delivery;
#[cfg(unix)]
mod doctor;
mod failures;
mod files;
mod sharing;
mod storage;
mod store;
mod time;
