//! The backend of `docs/guides/write-a-backend.md`, compiled and put to the suite, so that the guide
//! cannot rot. This file stands for the guide's `lib.rs`; the others are the guide's, to the letter.
#![allow(
    unreachable_pub,
    missing_debug_implementations,
    clippy::expect_used,
    clippy::panic,
    reason = "a library in the guide, and tests"
)]

extern crate self as glmsg_shelf;

mod backend;
mod page;
mod settler;
mod source;
mod store;
mod suite;

pub use backend::ShelfBroker;
