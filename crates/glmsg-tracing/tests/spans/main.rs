//! The spans that are exported: names, kinds, attributes, parents and links.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod attempts;
mod by_hand;
mod publishing;
mod world;
