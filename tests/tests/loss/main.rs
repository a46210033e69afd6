//! What a server acknowledged and lost is found out, reported once with its number, and stored again.
//!
//! Each loss is made so that its number is known: a server without a log is killed, or a replica that was cut off before
//! takes over.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod failover;
mod flushed;
mod no_loss;
mod place;
mod restart;
