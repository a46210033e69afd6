//! The project's own tests of its backends: their fixtures, the binaries that tests start, the
//! traffic of the fault cases, and the table of what each backend has proved.
#![allow(
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "this package is the project's tests"
)]

pub mod backlog;
pub mod copier;
mod kafka;
mod kafka_server;
pub mod kafka_topics;
mod memory;
pub mod pattern;
mod redis;
pub mod report;
pub mod saga;
mod sqlite;
pub mod traffic;
pub mod worker;

pub use kafka::{Kafka, Kafka3, Kafka3Partitions, KafkaPartitions};
pub use kafka_server::KafkaServer;
pub use memory::{BEGINNING, Memory, MemoryByHand};
pub use redis::{Cluster, Redis7, Redis7Framed, Redis8, Sentinel, Tls, Valkey9};
pub use sqlite::{Sqlite, SqliteByHand};
