//! What the crate does, from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests too"
)]

mod keys;
mod layers;
mod malformed;
mod original;
mod production;
mod proofs;
mod random;
mod reference;
mod secrets;
mod thorough;
