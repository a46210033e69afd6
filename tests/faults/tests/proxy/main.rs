//! The proxy in front of a plain server that echoes.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod connections;
mod echo;
mod replies;
mod streams;
