//! Spans as an OpenTelemetry Collector receives them, from two services that share a broker.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod collector;
mod received;
mod service;
mod trace;
