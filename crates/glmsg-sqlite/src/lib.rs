#![doc = include_str!("docs.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acker;
mod admin;
mod backend;
mod broker;
mod clock;
mod config;
mod connection;
mod dead_letter;
mod doctor;
mod encode;
mod error;
mod health;
mod place;
mod publish;
mod queue;
mod reader;
mod replay;
mod schema;
mod snapshot;
mod storage;
mod subscriber;
mod wake;
mod writer;

pub use acker::SqliteSettler;
pub use broker::SqliteBroker;
pub use config::SqliteConfig;
pub use storage::SqliteStorage;
pub use subscriber::SqliteSource;

/// The README is compiled, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
