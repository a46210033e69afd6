//! Tests of the crate as its users see it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

mod conformance;
mod counts;
#[cfg(feature = "http")]
mod endpoint;
mod guide;
mod layered;
mod monitoring;
mod mute;
mod scaling;
mod silence;
mod text;
