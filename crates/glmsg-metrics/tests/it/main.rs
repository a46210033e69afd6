//! Tests of the crate as its users see it.

mod conformance;
mod counts;
#[cfg(feature = "http")]
mod endpoint;
mod guide;
mod layered;
mod monitoring;
mod scaling;
mod text;
